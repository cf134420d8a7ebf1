import { expect, test } from '@jest/globals';
import { proxyBounds, tokenBounds, upstreamBounds } from '../../data-plane/bounds.ts';
import { type DataPlaneConfig, dataPlaneSettings } from '../../data-plane/config.ts';
import { tokenDefaults } from '../../data-plane/identity/token-options.ts';
import { listenerDefaults } from '../../data-plane/listener/listener-options.ts';
import {
  listenerOptions,
  pipelineOptions,
  tokenOptions,
  upstreamOptions,
} from '../../data-plane/options.ts';
import { pipelineDefaults } from '../../data-plane/pipeline/pipeline-options.ts';
import { upstreamDefaults } from '../../data-plane/upstream/upstream-options.ts';

const defaults = dataPlaneSettings.parse({});

/** What of the parts' options is a number, each under its part's name. */
function numbersOf(config: DataPlaneConfig): Map<string, number> {
  const parts = {
    listener: listenerOptions(config),
    pipeline: pipelineOptions(config),
    upstream: upstreamOptions(config),
    token: tokenOptions(config),
  };
  const numbers = new Map<string, number>();
  for (const [part, options] of Object.entries(parts)) {
    for (const [name, value] of Object.entries(options)) {
      if (typeof value === 'number') numbers.set(`${part}.${name}`, value);
    }
  }
  return numbers;
}

test('the parts of a node have their defaults where nothing is set', () => {
  expect(listenerOptions(defaults)).toEqual(listenerDefaults);
  expect(pipelineOptions(defaults)).toEqual(pipelineDefaults);
  expect(upstreamOptions(defaults)).toEqual(upstreamDefaults);
  expect(tokenOptions(defaults)).toEqual(tokenDefaults);
});

test('each setting moves its bound, and each bound has one setting', () => {
  const before = numbersOf(defaults);
  const bounds = { ...proxyBounds, ...upstreamBounds, ...tokenBounds };
  const names = [...Object.keys(bounds), 'proxyPort'];
  const moved = names.map((name) => {
    const value = defaults[name as keyof typeof proxyBounds] + 1;
    const after = numbersOf({ ...defaults, [name]: value });
    return [...after].flatMap(([bound, now]) => (before.get(bound) === now ? [] : [bound]));
  });
  // A client that takes nothing is bounded while the answer is written and once it is whole.
  const bothOf = (name: string) => (name === 'proxyStallTimeoutMs' ? 2 : 1);
  expect(moved.map((one) => one.length)).toEqual(names.map(bothOf));
  expect(moved.flat().sort()).toEqual([...before.keys()].sort());
});
