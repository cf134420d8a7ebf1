import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
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
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function newToken(store: Store, { name, group }: NodeTokenFile): Promise<string> {
  const nodeGroup = await store.withPlatform((em) => em.findOne(NodeGroup, { name: group }));
  if (nodeGroup === null) throw new Error(`There is no node group "${group}".`);
  const actor = { kind: 'system', id: 'command-line' } as const;
  const input = { nodeGroupId: nodeGroup.id, name };
  const outcome = await createNodeToken(store, actor, input, Date.now());
  if (!outcome.ok) throw new Error(outcome.violations.map(({ message }) => message).join(' '));
  return outcome.value.token;
}

/**
 * Makes a node token and writes it to a file, unless the file holds one already. The file is made first:
 * where it can't be, no token is left behind that nobody has; where there is no token, no file.
 * @returns a sentence that says what was done, without the token.
 * @throws {Error} when the file can't be made or holds something else, the group is unknown, or the name
 * is not valid.
 */
export async function createNodeTokenFile(store: Store, wanted: NodeTokenFile): Promise<string> {
  const { name, group, file } = wanted;
  if (holdsToken(file)) return `${file} holds a node token already`;
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeSync(descriptor, `${await newToken(store, wanted)}\n`);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  return `${file} holds the token of ${name} in ${group}`;
}
