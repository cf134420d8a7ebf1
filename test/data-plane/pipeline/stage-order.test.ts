import { expect, test } from '@jest/globals';
import type { Permit } from '../../../data-plane/pipeline/authorize.ts';
import type { forward } from '../../../data-plane/pipeline/forward.ts';
import type { Admitted, limit } from '../../../data-plane/pipeline/limit.ts';
import type { Routed } from '../../../data-plane/pipeline/route.ts';

type ForwardedCall = Parameters<typeof forward>[0];
type LimitedCall = Parameters<typeof limit>[0];

/** The compiler is what is tested here: each misuse must not compile. */
function misuses(routed: Routed, permit: Permit, admitted: Admitted): void {
  const right: [ForwardedCall, LimitedCall] = [admitted, permit];
  // @ts-expect-error a routed call has not been authorized
  const unauthorized: ForwardedCall = routed;
  // @ts-expect-error a permit alone has not passed the limits
  const unlimited: ForwardedCall = permit;
  // @ts-expect-error limits are counted for permitted calls only
  const early: LimitedCall = routed;
  // @ts-expect-error a permit can't be made up: only authorize has its class
  const forged: LimitedCall = { routed };
  // @ts-expect-error nor can an admitted call
  const forgedAdmission: ForwardedCall = { permit };
  expect([right, unauthorized, unlimited, early, forged, forgedAdmission]).toBeDefined();
}

test('skipping authorize or limit does not compile', () => {
  expect(misuses).toBeInstanceOf(Function);
});
