import type { Command } from '../common/command-line.ts';
import { explainListenFailure } from '../common/listen-failure.ts';
import { createLogger } from '../common/logging.ts';
import { announceReady } from '../common/parent-channel.ts';
import { endSignal } from '../common/program.ts';
import { startProxyNode } from './compose.ts';
import { loadDataPlaneConfig } from './config.ts';

async function proxy(): Promise<void> {
  const config = loadDataPlaneConfig(process.env);
  const logger = createLogger('node', config.logLevel);
  const ended = endSignal();
  const node = await startProxyNode(config, logger).catch((error) => {
    throw explainListenFailure(error, config);
  });
  const { proxyUrl, adminUrl } = node;
  logger.info({ proxyUrl, adminUrl }, 'the node serves');
  announceReady({ proxyUrl, adminUrl });
  logger.info({ signal: await ended }, 'the node ends');
  await node.close();
}

/** The commands of `data-plane`. */
export const dataPlaneCommands: ReadonlyMap<string, Command> = new Map([
  ['proxy', { summary: 'Runs one proxy node.', options: {}, required: [], run: proxy }],
]);
