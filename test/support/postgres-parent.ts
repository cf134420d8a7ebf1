import { pino } from 'pino';
import { startEmbeddedPostgres } from '../../control-plane/embedded-postgres/embedded-postgres.ts';

/**
 * A process to kill: starts the embedded PostgreSQL in the folder of its first argument, writes where it
 * listens to standard output, and stays.
 */
const [, , dataDirectory] = process.argv;
if (dataDirectory === undefined) throw new Error('Name a data directory.');
const postgres = await startEmbeddedPostgres({ dataDirectory, log: pino({ level: 'silent' }) });
process.stdout.write(`${JSON.stringify({ host: postgres.host, home: postgres.home })}\n`);
await postgres.ended;
