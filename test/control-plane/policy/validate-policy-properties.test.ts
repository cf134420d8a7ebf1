import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileCondition } from '../../../common/policy/compile-condition.ts';
import { preparePolicy } from '../../../common/policy/prepared-policy.ts';
import { eitherArguments } from '../../../control-plane/policy/validation/argument-type.ts';
import { validatePolicy } from '../../../control-plane/policy/validation/validate-policy.ts';
import type { ValidationContext } from '../../../control-plane/policy/validation/validation-context.ts';
import { testPolicy } from '../../support/policy-call.ts';
import { policyRules, validationContext } from './policy-rules.ts';

const word = fc.constantFrom(
  ...['principal', 'principal.roles', 'server.slug', 'tool.name', 'args', 'args.path', 'request'],
  ...['request.headers', 'now', '"files"', '"x"', '1', '2.5', 'true', 'false', 'null', '[1, "a"]'],
  ...['==', '!=', '<', '&&', '||', '!', '? true :', 'in', '+', '/', '.', '(', ')', '[', ']', ','],
  ...['.size()', '.all(x, x)', '.exists(x, x == 1)', '.map(x, [x])', '.matches("a")', 'has('],
);
const condition = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.array(word, { maxLength: 12 }).map((words) => words.join(' ')),
  fc.array(word, { maxLength: 6 }).map((words) => words.join('')),
);
const patterns = fc.array(
  fc.oneof(
    fc.constantFrom('*', 'files', 'write_*', 'tools/call', 'tools/*'),
    fc.string({ maxLength: 12 }),
  ),
  { maxLength: 3 },
);
const rules = fc
  .record({
    effect: fc.constantFrom('allow' as const, 'deny' as const),
    servers: patterns,
    methods: patterns,
    tools: patterns,
    resources: patterns,
    prompts: patterns,
    roles: patterns,
    subjects: patterns,
    apiKeys: patterns,
    condition,
  })
  .map(policyRules);

test('any policy gets findings, each in a place that it has', () => {
  fc.assert(
    fc.property(rules, (policy) => {
      for (const finding of validatePolicy(policy, validationContext)) {
        expect(finding.message).toMatch(/\S$/);
        if (finding.line === undefined) continue;
        expect(finding.field).toBe('condition');
        const line = policy.condition.split('\n')[finding.line - 1];
        expect(line).toBeDefined();
        expect(finding.column).toBeLessThanOrEqual((line ?? '').length + 1);
      }
    }),
    { numRuns: 500 },
  );
});

test('a policy without errors can be compiled by a node', () => {
  let sound = 0;
  fc.assert(
    fc.property(rules, (policy) => {
      const findings = validatePolicy(policy, validationContext);
      if (findings.some(({ severity }) => severity === 'error')) return;
      sound += 1;
      const { effect, ...rest } = policy;
      preparePolicy(testPolicy('any', { effect, ...rest }), compileCondition);
    }),
    { numRuns: 500 },
  );
  expect(sound).toBeGreaterThan(15);
});

test('a tool may say anything of its input', () => {
  const schema = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.record({
      type: fc.constantFrom('object', 'array', 5),
      properties: fc.dictionary(
        fc.constantFrom('path', '__proto__', 'x'),
        fc.oneof(
          fc.jsonValue({ maxDepth: 2 }),
          fc.record({
            type: fc.constantFrom(
              'string',
              'integer',
              'number',
              'array',
              'object',
              ['string', 'null'],
              null,
            ),
            items: fc.jsonValue({ maxDepth: 1 }),
            enum: fc.jsonValue({ maxDepth: 1 }),
          }),
        ),
      ),
      required: fc.jsonValue({ maxDepth: 1 }),
    }),
  );
  fc.assert(
    fc.property(schema, schema, rules, (first, second, policy) => {
      eitherArguments([first, second]);
      const context: ValidationContext = {
        ...validationContext,
        servers: [
          {
            slug: 'files',
            tools: new Map([
              ['a', first],
              ['b', second],
            ]),
            prompts: undefined,
            resources: undefined,
            hasResourceTemplates: true,
          },
        ],
      };
      validatePolicy({ ...policy, tools: ['a', 'b'] }, context);
    }),
    { numRuns: 500 },
  );
});
