import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { eraOfMessage, type RoutingHeaders } from '../../../data-plane/mcp/era.ts';
import { readMessage } from '../../../data-plane/mcp/message.ts';
import { decodeHeaderValue, encodeHeaderValue } from '../../../data-plane/mcp/routing-headers.ts';

const version = '2026-07-28';
const meta = {
  'io.modelcontextprotocol/protocolVersion': version,
  'io.modelcontextprotocol/clientCapabilities': {},
};
const call = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: {}, _meta: meta },
};
const routed = { protocolVersion: version, method: 'tools/call', name: 'echo' };
const none: RoutingHeaders = { protocolVersion: undefined, method: undefined, name: undefined };

function era(message: unknown, headers: RoutingHeaders) {
  const read = readMessage(message);
  if (read === undefined) throw new Error('no message');
  return eraOfMessage(read, headers);
}

describe('the era of a message', () => {
  test('modern when its _meta says so and the headers agree', () => {
    expect(era(call, routed)).toEqual({ era: 'modern', version });
    expect(era(call, { ...routed, name: '=?base64?ZWNobw==?=' })).toMatchObject({ era: 'modern' });
  });

  test.each([
    ['no version header', { ...routed, protocolVersion: undefined }],
    ['another version', { ...routed, protocolVersion: '2025-11-25' }],
    ['no method header', { ...routed, method: undefined }],
    ['another method', { ...routed, method: 'tools/list' }],
    ['a method in another case', { ...routed, method: 'Tools/Call' }],
    ['no name header', { ...routed, name: undefined }],
    ['another name', { ...routed, name: 'Echo' }],
    ['a name that is not valid Base64', { ...routed, name: '=?base64?%%%?=' }],
  ])('refused as a mismatch with %s', (_case, headers) => {
    expect(era(call, headers)).toMatchObject({ reason: 'header_mismatch' });
  });

  test('refused when a required _meta field is missing', () => {
    const { 'io.modelcontextprotocol/clientCapabilities': _left, ...partial } = meta;
    const message = { ...call, params: { ...call.params, _meta: partial } };
    expect(era(message, routed)).toMatchObject({ reason: 'meta_missing' });
    const bare = { ...call, params: { name: 'echo' } };
    expect(era(bare, routed)).toMatchObject({ reason: 'meta_missing' });
  });

  test('legacy without either, and for a handshake', () => {
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    expect(era(ping, none)).toEqual({ era: 'legacy', version: undefined });
    expect(era(ping, { ...none, protocolVersion: '2025-06-18' })).toMatchObject({ era: 'legacy' });
    const initialize = { ...ping, method: 'initialize' };
    expect(era(initialize, none)).toMatchObject({ era: 'legacy' });
    expect(era(initialize, { ...none, protocolVersion: version })).toMatchObject({
      reason: 'header_mismatch',
    });
  });

  test('refused with a version that nobody speaks', () => {
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    expect(era(ping, { ...none, protocolVersion: '1900-01-01' })).toMatchObject({
      reason: 'protocol_version_unsupported',
    });
  });

  test('every name survives its header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const header = encodeHeaderValue(name);
        expect(header).toMatch(/^[\x21-\x7e]?(?:[\x20-\x7e]*[\x21-\x7e])?$/);
        expect(decodeHeaderValue(header)).toBe(name);
      }),
    );
  });
});

describe('a JSON-RPC message', () => {
  test.each([
    ['no object', 1],
    ['another version', { jsonrpc: '1.0', id: 1, method: 'a' }],
    ['a null id', { jsonrpc: '2.0', id: null, method: 'a' }],
    ['an object as id', { jsonrpc: '2.0', id: {}, method: 'a' }],
    ['params that are a list', { jsonrpc: '2.0', id: 1, method: 'a', params: [] }],
    ['an empty method', { jsonrpc: '2.0', id: 1, method: '' }],
    ['result and error', { jsonrpc: '2.0', id: 1, result: {}, error: { code: 1 } }],
    ['neither', { jsonrpc: '2.0', id: 1 }],
    ['a result for nobody', { jsonrpc: '2.0', result: {} }],
  ])('is none with %s', (_case, value) => {
    expect(readMessage(value)).toBeUndefined();
  });

  test('may be an error that answers what could not be read', () => {
    const error = { code: -32700, message: 'no' };
    expect(readMessage({ jsonrpc: '2.0', error })).toEqual({ kind: 'response' });
    expect(readMessage({ jsonrpc: '2.0', id: null, error })).toEqual({ kind: 'response' });
  });
});
