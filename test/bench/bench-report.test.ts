import { describe, expect, test } from '@jest/globals';
import {
  answerBody,
  expectedAnswer,
  requestBody,
  requestBytes,
  requestId,
} from './bench-message.ts';
import { proxyLines, proxyReport } from './bench-report.ts';
import type { SubjectFigures } from './proxy-bench.ts';
import { median, quantile } from './quantile.ts';

function figures(name: SubjectFigures['name'], cpuUsPerCall: number, p50: number): SubjectFigures {
  return {
    name,
    cpuUsPerCall,
    callsPerSecond: 1000,
    loadedP50Us: p50,
    loadedP99Us: p50,
    singleP50Us: p50,
    singleP99Us: 2 * p50,
  };
}

describe('the bench’s message', () => {
  test.each([0, 1, 123_456])('is a tools/call of 110 bytes with an id of its own: %i', (n) => {
    const body = requestBody(n);
    expect(Buffer.byteLength(body)).toBe(requestBytes);
    expect(JSON.parse(body)).toMatchObject({ method: 'tools/call', id: 1e8 + n });
    expect(answerBody(String(requestId(body)))).toBe(expectedAnswer(n));
  });

  test('is not taken for another one', () => {
    expect(requestId('{}')).toBeUndefined();
    expect(requestId(requestBody(1).replace('tools/call', 'tools/list'))).toBeUndefined();
  });
});

describe('quantiles', () => {
  test('are by nearest rank', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
    expect(quantile([1, 2, 3, 4], 0.99)).toBe(4);
    expect(median([9, 1, 5])).toBe(5);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe('the bench’s report', () => {
  const direct = figures('direct', 0, 100);

  test('compares what the proxies add, not what a call takes', () => {
    const report = proxyReport([direct, figures('nginx', 10, 120), figures('node', 60, 180)]);
    expect(report.nodeToNginx).toEqual({ cpuUsPerCall: 6, singleP50Us: 4, singleP99Us: 4 });
    expect(proxyLines(report)[0]).toMatch(/^node ÷ nginx/);
  });

  test('gives no multiple of what drowned in noise', () => {
    const report = proxyReport([direct, figures('nginx', 10, 90), figures('node', 60, 180)]);
    expect(report.nodeToNginx).toEqual({
      cpuUsPerCall: 6,
      singleP50Us: undefined,
      singleP99Us: undefined,
    });
    expect(proxyLines(report)[2]).toMatch(/– \(noise\)/);
  });

  test('does without nginx', () => {
    const report = proxyReport([direct, figures('node', 60, 180)]);
    expect(report.nodeToNginx).toBeUndefined();
    expect(report.added['node']).toEqual({ cpuUsPerCall: 60, singleP50Us: 80, singleP99Us: 160 });
  });
});
