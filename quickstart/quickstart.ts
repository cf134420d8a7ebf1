import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { banner } from './banner.ts';
import { ensureDemoOrganization } from './demo-organization.ts';
import { startDemoServers } from './demo-servers.ts';
import { freePort, portComplaints } from './free-ports.ts';
import type { ManagedProcess, ManagedProcessOptions } from './managed-process.ts';
import { controlPlanePart, nodePart, type QuickstartPlace, wantedPorts } from './parts.ts';
import { ProcessGroup } from './process-group.ts';
import { ProcessList } from './process-list.ts';
import {
  type QuickstartFile,
  removeQuickstartFile,
  writeQuickstartFile,
} from './quickstart-file.ts';
import { secretFromFile } from './secret-file.ts';
import { waitUntilServed } from './wait-until-served.ts';

const adminEmail = 'admin@example.com';
const earlierNoticeTimeoutMs = 3_000;
const earlierEndTimeoutMs = 30_000;
const readyTimeoutMs = 60_000;
const secondThoughtsMs = 1000;

/** Starts one part of the quickstart. */
type Start = (
  part: Pick<ManagedProcessOptions, 'name' | 'invocation'>,
) => Promise<Pick<ManagedProcess, 'addresses'>>;

function say(text: string): void {
  process.stdout.write(`▸ ${text}\n`);
}

/**
 * Resolves when this process is asked to end, by Ctrl-C or a signal. Asked again a moment later, it ends
 * at once; its processes then end by themselves. (npm passes a Ctrl-C on that the terminal has sent too.)
 */
function askedToEnd(): Promise<'end'> {
  let askedAtMs: number | undefined;
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        askedAtMs ??= performance.now();
        if (performance.now() - askedAtMs > secondThoughtsMs) process.exit(130);
        resolve('end');
      });
    }
  });
}

/** Waits for what an earlier quickstart left running, and for it to give its ports back. */
async function waitForEarlier(list: ProcessList, dataDir: string): Promise<void> {
  const [first] = list.earlier();
  if (first === undefined) return;
  say(`waiting for an earlier quickstart in ${dataDir} to end (process ${first})`);
  const running = await list.earlierEnded(earlierNoticeTimeoutMs, earlierEndTimeoutMs);
  if (running.length === 0) return;
  throw new Error(
    `Another quickstart runs in ${dataDir} (processes ${running.join(', ')}). End it first, or set MCPGW_DATA_DIR to another folder.`,
  );
}

async function startParts(
  place: QuickstartPlace,
  start: Start,
  signal: AbortSignal,
): Promise<QuickstartFile> {
  say('starting the control plane: PostgreSQL, migrations, GraphQL, gRPC');
  const controlPlaneStarts = start(controlPlanePart(place));
  say('starting two MCP servers: server-everything and server-filesystem');
  const [controlPlane, servers] = await Promise.all([
    controlPlaneStarts,
    startDemoServers({ dataDir: place.dataDir, start }),
  ]);
  signal.throwIfAborted();

  say('setting up the demo organization');
  const { graphqlUrl = '', grpcAddress = '' } = controlPlane.addresses;
  const { organization, apiKey } = await ensureDemoOrganization({
    graphqlUrl,
    adminEmail: place.adminEmail,
    adminPassword: place.adminPassword,
    servers,
    credentialFile: place.credentialFile,
    apiKeyFile: path.join(place.dataDir, 'api-key'),
    signal,
  });

  say('starting a proxy node');
  const node = await start(nodePart(place, grpcAddress));
  const { proxyUrl = '', adminUrl = '' } = node.addresses;
  const content: QuickstartFile = {
    graphqlUrl,
    grpcAddress,
    proxyUrl,
    nodeAdminUrl: adminUrl,
    organization,
    adminEmail: place.adminEmail,
    adminPassword: place.adminPassword,
    apiKey,
    servers: Object.fromEntries(
      servers.map(({ slug }) => [slug, `${proxyUrl}/${organization}/${slug}/mcp`]),
    ),
  };
  await waitUntilServed(Object.values(content.servers), apiKey, signal);
  return content;
}

async function preparePlace(dataDir: string): Promise<QuickstartPlace> {
  const adminPasswordFile = path.join(dataDir, 'admin-password');
  const credentialFile = path.join(dataDir, 'node', 'credential');
  mkdirSync(path.dirname(credentialFile), { recursive: true, mode: 0o700 });
  const adminPassword = secretFromFile(adminPasswordFile, 18);
  const proxyPort = Number(process.env['MCPGW_PROXY_PORT'] || 8080) || (await freePort());
  return { dataDir, adminEmail, adminPassword, adminPasswordFile, credentialFile, proxyPort };
}

async function serveUntil(
  end: Promise<'end'>,
  dataDir: string,
  group: ProcessGroup,
  start: Start,
): Promise<void> {
  const startedAtMs = performance.now();
  const setUp = new AbortController();
  const started = await Promise.race([
    startParts(await preparePlace(dataDir), start, setUp.signal),
    end,
  ]);
  if (started === 'end') {
    setUp.abort();
    return;
  }
  const file = writeQuickstartFile(dataDir, started);
  process.stdout.write(banner(started, file, performance.now() - startedAtMs));
  const failure = group.failed.then((sentence) => {
    throw new Error(sentence);
  });
  await Promise.race([end, failure]);
}

function complain(error: unknown): void {
  process.stderr.write(`✗ ${error instanceof Error ? error.message : String(error)}\n`);
}

async function run(end: Promise<'end'>, dataDir: string, list: ProcessList): Promise<number> {
  const complaints = await portComplaints(wantedPorts(process.env));
  if (complaints.length > 0) throw new Error(complaints.join('\n✗ '));
  list.add(process.pid);
  const group = new ProcessGroup();
  const start: Start = (part) =>
    group.start({
      ...part,
      logDirectory: path.join(dataDir, 'logs'),
      readyTimeoutMs,
      onSpawned: (pid) => list.add(pid),
      onEnded: say,
    });
  try {
    await serveUntil(end, dataDir, group, start);
    return 0;
  } catch (error) {
    complain(error);
    return 1;
  } finally {
    list.ending();
    removeQuickstartFile(dataDir);
    say('ending in order: node, MCP servers, control plane');
    await group.end();
    list.clear();
  }
}

/**
 * The quickstart: control plane with embedded PostgreSQL, real MCP servers, a demo organization and one
 * proxy node. Runs until it is asked to end.
 * @returns the exit status: 0 when it ended because it was asked to.
 */
export async function runQuickstart(): Promise<number> {
  const end = askedToEnd();
  const dataDir = path.resolve(process.env['MCPGW_DATA_DIR'] || '.data');
  // Passable, so that PostgreSQL's own user reaches its files below; each secret has its own mode.
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const list = new ProcessList(dataDir);
  try {
    const earlierEnded = waitForEarlier(list, dataDir);
    if ((await Promise.race([earlierEnded, end])) === 'end') return 0;
    // Left by one that was killed: it must not look as if this one were ready.
    removeQuickstartFile(dataDir);
    return await run(end, dataDir, list);
  } catch (error) {
    complain(error);
    return 1;
  }
}
