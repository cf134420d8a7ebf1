import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** `from` imports `to`; both are paths from the root. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

const specifier = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

/** TypeScript files below the named folders of the root. */
function sourceFiles(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name))),
  );
}

/** The relative imports of one file's text, static and dynamic. */
export function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(specifier)].map(([, target]) => ({
    from: file,
    to: path.normalize(path.join(path.dirname(file), target ?? '')),
  }));
}

/** Every relative import between the source files below the named folders. */
export function allImports(folders: readonly string[]): Import[] {
  return sourceFiles(folders).flatMap((file) =>
    importsOf(file, readFileSync(path.join(root, file), 'utf8')),
  );
}
