import type { Adapter, AdapterPayload } from 'oidc-provider';

/** What a provider keeps, in memory: shared by the providers that follow each other at one address. */
export class OidcProviderStore {
  readonly #rows = new Map<string, AdapterPayload>();

  /** The part for one of the provider's models. */
  adapter(model: string): Adapter {
    const rows = this.#rows;
    const key = (id: string) => `${model}:${id}`;
    const findBy = (member: 'uid' | 'userCode', value: string) =>
      [...rows].find(([name, row]) => name.startsWith(`${model}:`) && row[member] === value)?.[1];
    return {
      upsert: async (id, payload) => {
        rows.set(key(id), payload);
      },
      find: async (id) => rows.get(key(id)),
      findByUid: async (uid) => findBy('uid', uid),
      findByUserCode: async (userCode) => findBy('userCode', userCode),
      consume: async (id) => {
        const row = rows.get(key(id));
        if (row) row.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => {
        rows.delete(key(id));
      },
      revokeByGrantId: async (grantId) => {
        for (const [name, row] of rows) if (row.grantId === grantId) rows.delete(name);
      },
    };
  }
}
