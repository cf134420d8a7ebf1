import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from '../common/logging.ts';
import { SettingsError } from '../common/settings.ts';
import type { ControlPlaneConfig } from './config.ts';
import { startEmbeddedPostgres } from './embedded-postgres/embedded-postgres.ts';
import {
  type DatabaseConnection,
  deriveRoleConnections,
  parseDatabaseUrl,
  type RoleConnections,
} from './store/database-connection.ts';
import { loadMasterKey, type MasterKey } from './store/master-key.ts';
import { MasterKeyRing } from './store/master-key-ring.ts';

/** How this process reaches PostgreSQL, and the keys that open what is sealed there. */
export interface Database {
  readonly owner: DatabaseConnection;
  readonly roles: RoleConnections;
  readonly masterKeys: MasterKeyRing;
  /** Resolves if an embedded PostgreSQL ends by itself. */
  readonly ended: Promise<void>;
  /** Ends the embedded PostgreSQL, if it is one. */
  close(): Promise<void>;
}

function currentMasterKey(config: ControlPlaneConfig, mayCreate: boolean): MasterKey {
  if (config.masterKeyFile !== undefined) {
    return loadMasterKey(config.masterKeyFile, { create: false });
  }
  if (!mayCreate) {
    throw new SettingsError([
      'MCPGW_MASTER_KEY_FILE: must be set together with MCPGW_DATABASE_URL, and be the same for every process',
    ]);
  }
  // Passable, so that PostgreSQL's own user reaches its files below; each secret has its own mode.
  mkdirSync(config.dataDir, { recursive: true, mode: 0o711 });
  return loadMasterKey(path.join(config.dataDir, 'master.key'), { create: true });
}

function masterKeysOf(config: ControlPlaneConfig, mayCreate: boolean): MasterKeyRing {
  const others = config.previousMasterKeyFiles.map((file) =>
    loadMasterKey(file, { create: false }),
  );
  return new MasterKeyRing(currentMasterKey(config, mayCreate), others);
}

function rolesOf(
  config: ControlPlaneConfig,
  owner: DatabaseConnection,
  masterKeys: MasterKeyRing,
): RoleConnections {
  const { databaseAppUrl, databaseSystemUrl } = config;
  if (databaseAppUrl === undefined && databaseSystemUrl === undefined) {
    return deriveRoleConnections(owner, masterKeys.current);
  }
  if (databaseAppUrl === undefined || databaseSystemUrl === undefined) {
    throw new SettingsError([
      'MCPGW_DATABASE_APP_URL and MCPGW_DATABASE_SYSTEM_URL: set both or none',
    ]);
  }
  return {
    app: parseDatabaseUrl(databaseAppUrl),
    system: parseDatabaseUrl(databaseSystemUrl),
    managed: false,
  };
}

/**
 * Finds the PostgreSQL that the settings name; without one it starts the embedded PostgreSQL, where the
 * command is a whole installation of its own (`all`).
 * @throws {SettingsError} when settings that belong together are not.
 */
export async function openDatabase(
  config: ControlPlaneConfig,
  logger: Logger,
  options: { readonly mayEmbed: boolean },
): Promise<Database> {
  if (config.databaseUrl !== undefined) {
    const owner = parseDatabaseUrl(config.databaseUrl);
    const masterKeys = masterKeysOf(config, false);
    return {
      owner,
      roles: rolesOf(config, owner, masterKeys),
      masterKeys,
      ended: new Promise(() => {}),
      close: async () => {},
    };
  }
  if (!options.mayEmbed) {
    throw new SettingsError(['MCPGW_DATABASE_URL: must be set for this command']);
  }
  const masterKeys = masterKeysOf(config, true);
  const postgres = await startEmbeddedPostgres({
    dataDirectory: path.join(config.dataDir, 'postgres'),
    log: logger,
  });
  const owner: DatabaseConnection = {
    host: postgres.host,
    port: postgres.port,
    database: postgres.database,
    user: postgres.user,
    password: undefined,
    tls: undefined,
  };
  return {
    owner,
    roles: rolesOf(config, owner, masterKeys),
    masterKeys,
    ended: postgres.ended,
    close: () => postgres.stop(),
  };
}
