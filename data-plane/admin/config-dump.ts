import type { ConfigClientStatus } from '../discovery/config-client.ts';
import { closesScope, type HeldResource } from '../snapshot/held-resource.ts';
import type { ResourceEntry } from '../snapshot/resource-decoders.ts';
import type { ResourceState } from '../snapshot/resource-state.ts';
import type { EndpointEntry, Snapshot } from '../snapshot/snapshot.ts';

/** At most so many refused resources stand in a dump, and so many of a type that was asked for. */
const listedMax = 1000;

const redacted = '[redacted]';

/** What a dump is made of. */
export interface ConfigDumpInput {
  readonly build: string;
  readonly state: ResourceState;
  readonly status: ConfigClientStatus;
  readonly inForce: Snapshot | undefined;
  /** Type whose resources are listed too. */
  readonly listedType: string | undefined;
}

/** Without the query: some servers take their credential there. */
function endpointDump({ id, url, weight }: EndpointEntry): object {
  const query = url.search === '' ? '' : `?${redacted}`;
  return { id, url: `${url.origin}${url.pathname}${query}`, weight };
}

function entryDump(entry: ResourceEntry): object {
  switch (entry.type) {
    case 'Organization':
      return { ...entry.value, allowedOrigins: [...entry.value.allowedOrigins] };
    case 'ApiKey':
      return { ...entry.value, secretHash: redacted };
    case 'Server': {
      const { credential, endpoints } = entry.value;
      return {
        ...entry.value,
        endpoints: endpoints.map(endpointDump),
        credential: credential && { header: credential.header, value: redacted },
      };
    }
    case 'Issuer':
      return {
        ...entry.value,
        keys: entry.value.keys.map(({ id, algorithms }) => ({ id, algorithms: [...algorithms] })),
      };
    // With its condition's source; what is compiled of it says no more.
    case 'Policy':
      return entry.value.policy;
    case 'Revocation':
    case 'ToolPin':
      return entry.value;
    case 'SealKeyRing':
      return { primary: entry.value.primary.id, keys: redacted };
  }
}

function effectOf(held: HeldResource): string {
  if (closesScope(held)) return 'denies what its scope targets';
  return held.refusal?.isIdle === true
    ? 'nothing: it decides nothing'
    : 'the last good version stays';
}

function refusedDump(held: HeldResource): object {
  const { received, refusal, usable, announced } = held;
  const { type, name, version, scope, withheld } = received;
  return {
    type,
    name,
    version,
    scope,
    withheld,
    path: refusal?.path,
    message: refusal?.message,
    effect: effectOf(held),
    lastGoodVersion: usable?.resource.version ?? null,
    offeredAgain: !announced,
  };
}

function usableDump({ received, usable }: HeldResource): object {
  return {
    name: received.name,
    version: received.version,
    versionInForce: usable?.resource.version ?? null,
    value: usable === undefined ? null : entryDump(usable.entry),
  };
}

function firstOf<Item>(items: Iterable<Item>): Item[] {
  const first: Item[] = [];
  for (const item of items) {
    if (first.length >= listedMax) break;
    first.push(item);
  }
  return first;
}

/** What the node holds, what it made of it and how fresh it is, without any secret. */
export function configDump({ build, state, status, inForce, listedType }: ConfigDumpInput): object {
  const types = state.types().map((type) => {
    const { count, bytes } = state.digest(type);
    return { type, count, digest: bytes.toString('hex') };
  });
  return {
    build,
    epoch: state.epoch,
    revision: state.revision,
    inForce: inForce === undefined ? null : { epoch: inForce.epoch, revision: inForce.revision },
    discovery: status,
    types,
    refusedCount: state.refusedCount,
    refused: firstOf(state.refused()).map(refusedDump),
    ...(listedType === undefined
      ? {}
      : { resources: firstOf(state.ofType(listedType)).map(usableDump) }),
  };
}
