import { pino } from 'pino';
import {
  deriveRoleConnections,
  parseDatabaseUrl,
} from '../../control-plane/store/database-connection.ts';
import { MasterKey } from '../../control-plane/store/master-key.ts';
import { migrate } from '../../control-plane/store/migrate.ts';

/** A process that migrates the database of its first argument and writes what it applied. */
const [, , url] = process.argv;
if (url === undefined) throw new Error('Name a database URL.');
const owner = parseDatabaseUrl(url);
const roles = deriveRoleConnections(owner, new MasterKey(Buffer.alloc(32, 3)));
const { applied } = await migrate({ owner, roles, logger: pino({ level: 'silent' }) });
process.stdout.write(JSON.stringify(applied));
