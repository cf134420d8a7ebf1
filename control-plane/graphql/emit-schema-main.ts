import { writeFileSync } from 'node:fs';
import { emitSchema } from './schema.ts';

// `npm run generate` names the file; CI compares a fresh one with the repository's.
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Name the file to write.');
writeFileSync(file, emitSchema());
