import {
  type CelEnv,
  type CelFunc,
  type CelInput,
  type CelResult,
  type CelUint,
  type CelValue,
  celEnv,
  celList,
  celMap,
  celUint,
  isCelError,
  isCelList,
  isCelMap,
  isCelType,
  isCelUint,
  parse,
  plan,
} from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import type { SimpleTest } from '@bufbuild/cel-spec/cel/expr/conformance/test/simple_pb.js';
import { type Value, ValueSchema } from '@bufbuild/cel-spec/cel/expr/value_pb.js';
import { getTestRegistry } from '@bufbuild/cel-spec/testdata/registry.js';
import {
  getConformanceSuite,
  type IncrementalTestSuite,
} from '@bufbuild/cel-spec/testdata/tests.js';
import { create, equals, type MessageInitShape } from '@bufbuild/protobuf';
import { isReflectMessage } from '@bufbuild/protobuf/reflect';
import { anyPack, anyUnpack, NullValue } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from '@jest/globals';
import { conditionFunctions } from '../../../common/policy/cel-environment.ts';
import type { Expr } from '../../../common/policy/condition-syntax.ts';
import { EvaluationMeter } from '../../../common/policy/evaluation-meter.ts';
import { meterLoops } from '../../../common/policy/metered-loops.ts';

// CEL's own conformance data (github.com/google/cel-spec, tests/simple), as published with the library.

/** Sections that are no part of the core: extensions, and what only a type checker can answer. */
const beyondCore = new Set([
  'bindings_ext',
  'block_ext',
  'encoders_ext',
  'macros2',
  'math_ext',
  'network_ext',
  'optionals',
  'proto2_ext',
  'string_ext',
  'type_deductions',
]);

const registry = getTestRegistry();
const meter = new EvaluationMeter();

interface ConformanceCase {
  readonly path: string;
  readonly case: SimpleTest;
}

function casesOf(suite: IncrementalTestSuite, path: readonly string[]): ConformanceCase[] {
  return [
    ...suite.suites.flatMap((inner) => casesOf(inner, [...path, inner.name])),
    ...suite.tests.map((test) => ({ path: [...path, test.name].join('/'), case: test.original })),
  ];
}

function toInput(value: Value): CelInput {
  switch (value.kind.case) {
    case 'uint64Value':
      return celUint(value.kind.value);
    case 'nullValue':
    case undefined:
      return null;
    case 'listValue':
      return celList(value.kind.value.values.map(toInput));
    case 'objectValue': {
      const message = anyUnpack(value.kind.value, registry);
      if (message === undefined) throw new Error(`unknown message ${value.kind.value.typeUrl}`);
      return message;
    }
    case 'mapValue': {
      const entries = new Map<string | bigint | boolean | CelUint, CelInput>();
      for (const { key, value: entry } of value.kind.value.entries) {
        if (key !== undefined && entry !== undefined) {
          entries.set(toInput(key) as string, toInput(entry));
        }
      }
      return celMap(entries);
    }
    case 'typeValue':
    case 'enumValue':
      throw new Error(`no input for ${value.kind.case}`);
    default:
      return value.kind.value;
  }
}

function toMessage(value: CelValue): MessageInitShape<typeof ValueSchema> {
  switch (typeof value) {
    case 'number':
      return { kind: { case: 'doubleValue', value } };
    case 'boolean':
      return { kind: { case: 'boolValue', value } };
    case 'bigint':
      return { kind: { case: 'int64Value', value } };
    case 'string':
      return { kind: { case: 'stringValue', value } };
    default:
      return toObjectMessage(value);
  }
}

function toObjectMessage(value: CelValue): MessageInitShape<typeof ValueSchema> {
  if (value === null) return { kind: { case: 'nullValue', value: NullValue.NULL_VALUE } };
  if (value instanceof Uint8Array) return { kind: { case: 'bytesValue', value } };
  if (isCelUint(value)) return { kind: { case: 'uint64Value', value: value.value } };
  if (isCelType(value)) return { kind: { case: 'typeValue', value: value.name } };
  if (isCelList(value)) {
    return { kind: { case: 'listValue', value: { values: [...value].map(toMessage) } } };
  }
  if (isCelMap(value)) {
    const entries = [...value].map(([key, entry]) => ({
      key: toMessage(key),
      value: toMessage(entry),
    }));
    return { kind: { case: 'mapValue', value: { entries } } };
  }
  if (isReflectMessage(value)) {
    return { kind: { case: 'objectValue', value: anyPack(value.desc, value.message) } };
  }
  throw new Error('not a value of CEL');
}

/** Maps have no order. */
function sorted(value: Value): Value {
  if (value.kind.case === 'listValue') value.kind.value.values.forEach(sorted);
  if (value.kind.case === 'mapValue') {
    for (const { value: entry } of value.kind.value.entries) if (entry !== undefined) sorted(entry);
    const text = (key: Value | undefined): string => String(key?.kind.value);
    value.kind.value.entries.sort((left, right) => (text(left.key) < text(right.key) ? -1 : 1));
  }
  return value;
}

function isExpected({ resultMatcher }: SimpleTest, result: CelResult): boolean {
  switch (resultMatcher.case) {
    case 'value': {
      if (isCelError(result)) return false;
      const actual = sorted(create(ValueSchema, toMessage(result)));
      return equals(ValueSchema, actual, sorted(resultMatcher.value), {
        registry,
        unpackAny: true,
      });
    }
    case 'evalError':
    case 'anyEvalErrors':
      return isCelError(result);
    case undefined:
      return result === true;
    default:
      return false;
  }
}

/** What is tested: an environment for each namespace, and how a syntax tree is prepared for it. */
interface Evaluator {
  readonly environments: Map<string, CelEnv>;
  readonly funcs: CelFunc[];
  readonly prepare: (root: Expr) => Expr;
}

const here: Evaluator = {
  environments: new Map(),
  funcs: conditionFunctions(meter),
  prepare: meterLoops,
};
const library: Evaluator = { environments: new Map(), funcs: strings, prepare: (root) => root };

function environmentOf({ environments, funcs }: Evaluator, namespace: string): CelEnv {
  const env = environments.get(namespace) ?? celEnv({ registry, namespace, funcs });
  environments.set(namespace, env);
  return env;
}

function passes(conformance: ConformanceCase, evaluator: Evaluator): boolean {
  const { expr, container, bindings } = conformance.case;
  try {
    const { expr: root } = parse(expr);
    if (root === undefined) return false;
    const program = plan(environmentOf(evaluator, container), evaluator.prepare(root));
    const inputs: Record<string, CelInput> = {};
    for (const [name, { kind }] of Object.entries(bindings)) {
      if (kind.case === 'value') inputs[name] = toInput(kind.value);
    }
    meter.start();
    return isExpected(conformance.case, program(inputs));
  } catch {
    return false;
  }
}

const allCases = getConformanceSuite().suites.flatMap((suite) => casesOf(suite, [suite.name]));
const sectionOf = ({ path }: ConformanceCase): string => path.split('/')[0] ?? '';
const core = allCases.filter((each) => !beyondCore.has(sectionOf(each)));
const passed = (cases: readonly ConformanceCase[], evaluator: Evaluator): string[] =>
  cases.filter((each) => passes(each, evaluator)).map(({ path }) => path);

/** What the library leaves out, and why no condition misses it. */
const leftOut: readonly (readonly [prefix: string, cases: number])[] = [
  // Enums with types of their own: never became part of CEL; conditions have no enums.
  ['enums/strong_proto2/', 13],
  ['enums/strong_proto3/', 18],
  // a.`b-c`, for which a["b-c"] can be written.
  ['fields/quoted_map_fields/', 6],
  ['proto2/quoted_fields/', 2],
  ['proto3/quoted_fields/', 2],
  // Extensions of messages; conditions have no messages.
  ['proto2/extensions_', 18],
  // {1: a, 1u: b} as a map literal; the implementations in Go and Java take it, too.
  ['fields/qualified_identifier_resolution/map_value_repeat_key_heterogeneous', 1],
];

describe('CEL’s conformance data', () => {
  test('passes for the core, but for what the library leaves out: 1,649 of 1,709', () => {
    const failed = core.filter((each) => !passes(each, here)).map(({ path }) => path);
    const counts = leftOut.map(([prefix]) => [
      prefix,
      failed.filter((path) => path.startsWith(prefix)).length,
    ]);
    expect(counts).toEqual(leftOut);
    expect(failed).toHaveLength(leftOut.reduce((total, [, cases]) => total + cases, 0));
    expect([core.length, core.length - failed.length]).toEqual([1709, 1649]);
  });

  test('passes for the core exactly where the library as published does', () => {
    expect(passed(core, here)).toEqual(passed(core, library));
  });

  test('passes for functions on strings at least where the library as published does', () => {
    const onStrings = allCases.filter((each) => sectionOf(each) === 'string_ext');
    const expected = passed(onStrings, library);
    expect(expected.length).toBeGreaterThan(150);
    expect(passed(onStrings, here)).toEqual(expect.arrayContaining(expected));
  });
});
