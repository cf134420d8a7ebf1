import { readFileSync, writeFileSync } from 'node:fs';
import { credentialId } from '../common/credential.ts';
import { createNodeToken } from './registry/node-tokens.ts';
import { NodeGroup } from './store/entities/node-group.ts';
import type { Store } from './store/store.ts';

export interface NodeTokenFile {
  /** Name of the node, as a slug. */
  readonly name: string;
  /** Name of its node group. */
  readonly group: string;
  /** Where the token goes; readable by its owner only. */
  readonly file: string;
}

function holdsToken(file: string): boolean {
  try {
    return credentialId('nodeToken', readFileSync(file, 'utf8').trim()) !== undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Makes a node token and writes it to a file, unless the file holds one already.
 * @returns a sentence that says what was done, without the token.
 * @throws {Error} when the group is unknown or the name is not valid.
 */
export async function createNodeTokenFile(store: Store, wanted: NodeTokenFile): Promise<string> {
  const { name, group, file } = wanted;
  if (holdsToken(file)) return `${file} holds a node token already`;
  const nodeGroup = await store.withPlatform((em) => em.findOne(NodeGroup, { name: group }));
  if (nodeGroup === null) throw new Error(`There is no node group "${group}".`);
  const actor = { kind: 'system', id: 'command-line' } as const;
  const outcome = await createNodeToken(
    store,
    actor,
    { nodeGroupId: nodeGroup.id, name },
    Date.now(),
  );
  if (!outcome.ok) throw new Error(outcome.violations.map(({ message }) => message).join(' '));
  writeFileSync(file, `${outcome.value.token}\n`, { mode: 0o600, flag: 'wx' });
  return `${file} holds the token of ${name} in ${group}`;
}
