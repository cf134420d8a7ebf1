import { writeFileSync } from 'node:fs';
import { emitSchema } from './schema.ts';

/** Writes the schema to the file that the first argument names. Run from `npm run generate`. */
const [, , file] = process.argv;
if (file === undefined) throw new Error('Name the file to write.');
writeFileSync(file, emitSchema());
