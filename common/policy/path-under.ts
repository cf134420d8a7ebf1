import { ConditionValueError } from './condition-value-error.ts';

/** How paths are written: `posix` by default. */
export const pathStyles = ['posix', 'windows'] as const;
export type PathStyle = (typeof pathStyles)[number];

/**
 * True when a path is a folder or lies under it, `.` and `..` resolved; false for one that climbs out of it.
 * Both have to be absolute. Purely by the text: what a symbolic link leads to only the server knows.
 *
 * Throws `ConditionValueError` for a relative path, one with a NUL, and one that means different files depending on
 * whether `\` separates: neither true nor false would be safe to say of these.
 */
export function pathUnder(path: string, folder: string, style: PathStyle = 'posix'): boolean {
  refuseControl(path, 'the path');
  refuseControl(folder, 'the folder');
  return style === 'windows' ? underWindows(path, folder) : underPosix(path, folder);
}

function refuseControl(text: string, what: string): void {
  if (text.includes('\0')) throw new ConditionValueError(`${what} holds a NUL`);
}

function underPosix(path: string, folder: string): boolean {
  if (!path.startsWith('/')) throw new ConditionValueError('the path is not absolute');
  if (!folder.startsWith('/')) throw new ConditionValueError('the folder is not absolute');
  const answer = isPrefix(resolve(folder.split('/')), resolve(path.split('/')));
  if (!path.includes('\\')) return answer;
  // A server on Windows takes a backslash for a separator, any other for a letter of a name.
  const otherwise = isPrefix(resolve(folder.split('/')), resolve(path.split(/[\\/]/)));
  if (answer === otherwise) return answer;
  throw new ConditionValueError(
    'the path means different files depending on whether "\\" separates',
  );
}

function underWindows(path: string, folder: string): boolean {
  const [pathRoot, pathRest] = windowsRoot(path, 'the path');
  const [folderRoot, folderRest] = windowsRoot(folder, 'the folder');
  return pathRoot === folderRoot && isPrefix(windowsNames(folderRest), windowsNames(pathRest));
}

/** Drive or share in lower case, and what follows it. */
function windowsRoot(path: string, what: string): [root: string, rest: string] {
  const text = path.replaceAll('/', '\\');
  const drive = /^([a-z]:)\\/i.exec(text);
  if (drive !== null) return [(drive[1] ?? '').toLowerCase(), text.slice(3)];
  // Not \\?\ and \\.\: they switch the rules for names off.
  const share = /^\\\\([^\\?.][^\\]*)\\([^\\]+)(?:\\|$)/.exec(text);
  if (share === null) throw new ConditionValueError(`${what} is not absolute`);
  return [`${share[1]}\\${share[2]}`.toLowerCase(), text.slice(share[0].length)];
}

/** The names of a path as the Windows file system compares them. */
function windowsNames(rest: string): string[] {
  if (/[:*?"<>|]/.test(rest))
    throw new ConditionValueError('the path holds a character that no file name has');
  // Dots and spaces at the end of a name don't count, so that "secret." opens "secret".
  const names = rest.split('\\').map((name) => {
    const trimmed = name.replace(/[. ]+$/, '');
    return trimmed === '' && /^\.{1,2}$/.test(name) ? name : trimmed;
  });
  return resolve(names.map((name) => name.toLowerCase()));
}

/** Names without empty ones, `.` and `..`; a `..` at the root stays there. */
function resolve(names: readonly string[]): string[] {
  const resolved: string[] = [];
  for (const name of names) {
    if (name === '..') resolved.pop();
    else if (name !== '' && name !== '.') resolved.push(name);
  }
  return resolved;
}

function isPrefix(folder: readonly string[], path: readonly string[]): boolean {
  return folder.length <= path.length && folder.every((name, index) => name === path[index]);
}
