import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { ClientConfig } from 'pg';
import type { MasterKey } from './master-key.ts';
import { Secret } from './secret.ts';

/** How one role reaches the database. */
export interface DatabaseConnection {
  /** Host name, or the folder of a unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: Secret | undefined;
  /** Undefined: no TLS. */
  readonly tls: ConnectionOptions | undefined;
}

/** The two roles that the control plane works as. */
export interface RoleConnections {
  readonly app: DatabaseConnection;
  readonly system: DatabaseConnection;
  /** Passwords are ours: `migrate` sets them. False when both roles were given by URL. */
  readonly managed: boolean;
}

function tlsOptions(parameters: URLSearchParams): ConnectionOptions | undefined {
  const mode = parameters.get('sslmode') ?? 'disable';
  const rootCertificate = parameters.get('sslrootcert');
  const ca = rootCertificate === null ? {} : { ca: readFileSync(rootCertificate) };
  switch (mode) {
    case 'disable':
    case 'allow':
    case 'prefer':
      return undefined;
    case 'require':
      // As libpq: encrypted, and verified only when a root certificate is given.
      return { ...ca, rejectUnauthorized: rootCertificate !== null };
    case 'verify-ca':
      return { ...ca, checkServerIdentity: () => undefined };
    case 'verify-full':
      return ca;
    default:
      throw new Error(`The database URL's sslmode "${mode}" is unknown.`);
  }
}

/**
 * Reads a PostgreSQL URL: `postgresql://user:password@host:port/database`, with `sslmode`, `sslrootcert`
 * and (for a unix socket) `host` as parameters.
 * @throws when it is no such URL or names no database or user; the message shows no password.
 */
export function parseDatabaseUrl(url: string): DatabaseConnection {
  // A URL without a host is not valid in JavaScript when it carries credentials; libpq allows it.
  const parsed = URL.parse(url.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?])/, '$1localhost'));
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new Error(
      'The database URL must look like postgresql://user:password@host:5432/database.',
    );
  }
  const database = decodeURIComponent(parsed.pathname.slice(1));
  const user = decodeURIComponent(parsed.username) || (parsed.searchParams.get('user') ?? '');
  if (database === '') throw new Error('The database URL names no database.');
  if (user === '') throw new Error('The database URL names no user.');
  const hostname = decodeURIComponent(parsed.hostname).replace(/^\[(.*)\]$/, '$1');
  return {
    host: parsed.searchParams.get('host') ?? (hostname || 'localhost'),
    port: Number(parsed.port || (parsed.searchParams.get('port') ?? 5432)),
    database,
    user,
    password: parsed.password === '' ? undefined : new Secret(decodeURIComponent(parsed.password)),
    tls: tlsOptions(parsed.searchParams),
  };
}

// PostgreSQL cuts names at 63 bytes; two databases must not end up with one role.
const databaseNameBytesMax = 47;
/** Characters of a master key's id that a role is named after. */
const keyIdLength = 8;

/** What the names of a database's derived roles begin with, before `_app` or `_system`. */
function rolePrefix(database: string): string {
  if (Buffer.byteLength(database) <= databaseNameBytesMax) return database;
  return `mcpgw_${createHash('sha256').update(database).digest('hex').slice(0, 24)}`;
}

// Without an id: of a version whose roles had the same name under every key.
const roleNameEnd = new RegExp(`^_(app|system)(_[0-9a-f]{${keyIdLength}})?$`);

/** Whether a role is one of a database's derived ones, whichever master key it was derived from. */
export function isDerivedRole(database: string, name: string): boolean {
  const prefix = rolePrefix(database);
  return name.startsWith(prefix) && roleNameEnd.test(name.slice(prefix.length));
}

/**
 * The app and system roles of the owner's database: `<database>_app_<key>` and `<database>_system_<key>`,
 * with passwords derived from the master key, so that no further secret has to be kept. They are named
 * after the key: processes with the old and the new one can work side by side.
 */
export function deriveRoleConnections(
  owner: DatabaseConnection,
  masterKey: MasterKey,
): RoleConnections {
  const connectionOf = (role: 'app' | 'system'): DatabaseConnection => {
    const user = `${rolePrefix(owner.database)}_${role}_${masterKey.id.slice(0, keyIdLength)}`;
    const password = masterKey.derive(`database-password/${user}`, 24).reveal();
    return { ...owner, user, password: new Secret(Buffer.from(password).toString('hex')) };
  };
  return { app: connectionOf('app'), system: connectionOf('system'), managed: true };
}

/** What `pg` needs to connect. */
export function clientConfig(
  connection: DatabaseConnection,
  applicationName: string,
): ClientConfig {
  return {
    host: connection.host,
    port: connection.port,
    database: connection.database,
    user: connection.user,
    application_name: applicationName,
    ...(connection.password === undefined ? {} : { password: connection.password.reveal() }),
    // Said also when there is none: PGSSLMODE in the environment must not decide.
    ssl: connection.tls ?? false,
  };
}
