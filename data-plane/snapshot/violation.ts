/** Why a resource can't be used. */
export interface Violation {
  /** Field path inside the resource, such as `endpoints[0].url`; empty for the whole resource. */
  readonly path: string;
  readonly message: string;
  /** The resource would decide nothing, even if it could be used: nothing has to be closed in its place. */
  readonly isIdle?: true;
}

/** What a decoder makes of a body: a value, or everything that is wrong with it. */
export type Decoded<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly violations: readonly [Violation, ...Violation[]] };

/** A body refused as a whole or for one field. */
export function refused(
  path: string,
  message: string,
): { ok: false; violations: [Violation, ...Violation[]] } {
  return { ok: false, violations: [{ path, message }] };
}

/** Collects violations, so that a decoder reports all of them at once. */
export class ViolationList {
  readonly #violations: Violation[] = [];

  /** Notes a violation unless `holds`; returns `holds`. */
  expect(holds: boolean, path: string, message: string): boolean {
    if (!holds) this.#violations.push({ path, message });
    return holds;
  }

  /** `value()` when nothing was found; it is not called otherwise. */
  decoded<Value>(value: () => Value): Decoded<Value> {
    const [first, ...rest] = this.#violations;
    return first === undefined
      ? { ok: true, value: value() }
      : { ok: false, violations: [first, ...rest] };
  }
}
