import { environmentVariableOf } from './settings.ts';

const explanations: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'is taken'],
  ['EACCES', 'may not be listened on'],
  ['EADDRNOTAVAIL', 'can’t be listened on: the address is not one of this machine'],
]);

/**
 * Why a listener could not start, in a sentence that names the setting of its port; any other error
 * as it is.
 * @param settings by name; those that end in `Port` are looked at.
 */
export function explainListenFailure(error: unknown, settings: object): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('port' in error)) return error;
  const reason = explanations.get(String(error.code));
  if (reason === undefined) return error;
  const names = Object.entries(settings)
    .filter(([name, value]) => name.endsWith('Port') && value === error.port)
    .map(([name]) => environmentVariableOf(name));
  const remedy =
    names.length === 0
      ? ''
      : ` Set ${names.join(' or ')} to another port, or to 0 for any free one.`;
  const address = 'address' in error ? ` on ${String(error.address)}` : '';
  return new Error(`Port ${String(error.port)}${address} ${reason}.${remedy}`, { cause: error });
}
