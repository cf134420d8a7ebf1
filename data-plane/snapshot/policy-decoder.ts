import { contracts } from '../../common/contracts.ts';
import { compileCondition } from '../../common/policy/compile-condition.ts';
import { ConditionSyntaxError } from '../../common/policy/condition-syntax.ts';
import type { Policy, PolicyEffect, PolicyMode } from '../../common/policy/policy.ts';
import { type PreparedPolicy, preparePolicy } from '../../common/policy/prepared-policy.ts';
import type { Policy as PolicyMessage } from '../../proto/gen/mcpgw/resources/v1/Policy.ts';
import {
  expectEnvelope,
  expectId,
  expectTexts,
  parseBody,
  type ResourceDecoder,
} from './resource-decoder.ts';
import { type Decoded, type Violation, ViolationList } from './violation.ts';

const nameLengthMax = 128;
const messageLengthMax = 1000;
const conditionLengthMax = 65_536;
const patternBounds = { itemsMax: 1000, lengthMax: 8192 };
const subjectBounds = { itemsMax: 2000, lengthMax: 1024 };

const effects: ReadonlyMap<string, PolicyEffect> = new Map([
  ['POLICY_EFFECT_ALLOW', 'allow'],
  ['POLICY_EFFECT_DENY', 'deny'],
]);

const modes: ReadonlyMap<string, PolicyMode> = new Map([
  ['POLICY_MODE_ENFORCE', 'enforce'],
  ['POLICY_MODE_SHADOW', 'shadow'],
]);

function expectLists(violations: ViolationList, message: PolicyMessage): void {
  const { servers, methods, tools, resources, prompts } = message;
  for (const [path, patterns] of Object.entries({ servers, methods, tools, resources, prompts })) {
    expectTexts(violations, path, patterns, patternBounds);
  }
  const { roles, subjects, apiKeys } = message;
  for (const [path, texts] of Object.entries({ roles, subjects, api_keys: apiKeys })) {
    expectTexts(violations, path, texts, subjectBounds);
  }
}

function expectText(violations: ViolationList, path: string, text: string, lengthMax: number) {
  const message = `must have at most ${lengthMax} characters`;
  violations.expect(text.length <= lengthMax, path, message);
}

const noTexts: readonly string[] = [];

/** The texts without the room for more that the parser's lists have: a policy is kept for long. */
function kept(texts: readonly string[]): readonly string[] {
  return texts.length === 0 ? noTexts : texts.slice();
}

function policyOf(message: PolicyMessage, effect: PolicyEffect, mode: PolicyMode): Policy {
  const { id, organizationId, name, revision, position, condition } = message;
  return {
    id,
    organizationId,
    name,
    revision,
    effect,
    mode,
    position,
    message: message.message,
    targets: {
      servers: kept(message.servers),
      methods: kept(message.methods),
      tools: kept(message.tools),
      resources: kept(message.resources),
      prompts: kept(message.prompts),
    },
    subjects: {
      roles: kept(message.roles),
      subjects: kept(message.subjects),
      apiKeys: kept(message.apiKeys),
    },
    condition,
  };
}

/** The compiler's own words say what and where. */
function conditionViolation(error: unknown): Violation {
  if (!(error instanceof ConditionSyntaxError)) {
    return { path: '', message: `This build can't compile it: ${String(error)}` };
  }
  const { line, column, message } = error;
  return { path: 'condition', message: `Line ${line}, column ${column}: ${message}` };
}

function prepared(policy: Policy): Decoded<PreparedPolicy> {
  try {
    return { ok: true, value: preparePolicy(policy, compileCondition) };
  } catch (error) {
    const violation = conditionViolation(error);
    // Shadow mode never denies a call, whatever becomes of the policy.
    const isShadow = policy.mode === 'shadow';
    return { ok: false, violations: [isShadow ? { ...violation, isIdle: true } : violation] };
  }
}

/**
 * Decodes and compiles a `Policy`; its name in the stream is its id. What it means has to be known in full:
 * an effect or mode of a later build is a refusal, for a rule that is half understood restricts too little.
 */
export const decodePolicy: ResourceDecoder<PreparedPolicy> = (resource) => {
  const parsed = parseBody('Policy', resource.body, contracts.resources.Policy.deserialize);
  if (!parsed.ok) return parsed;
  const message = parsed.value;
  const { id, organizationId, name, revision } = message;
  const violations = new ViolationList();
  expectEnvelope(violations, resource, { name: id, organizationId });
  expectId(violations, 'id', id);
  expectId(violations, 'organization_id', organizationId);
  violations.expect(name !== '', 'name', 'must not be empty');
  expectText(violations, 'name', name, nameLengthMax);
  violations.expect(revision >= 1, 'revision', 'must be at least 1');
  expectText(violations, 'message', message.message, messageLengthMax);
  expectText(violations, 'condition', message.condition, conditionLengthMax);
  const effect = effects.get(message.effect);
  const mode = modes.get(message.mode);
  violations.expect(effect !== undefined, 'effect', 'is none that this build knows');
  violations.expect(mode !== undefined, 'mode', 'is none that this build knows');
  expectLists(violations, message);
  const policy = violations.decoded(() => policyOf(message, effect ?? 'deny', mode ?? 'enforce'));
  return policy.ok ? prepared(policy.value) : policy;
};
