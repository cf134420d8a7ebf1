import { describe, expect, test } from '@jest/globals';
import { validatePolicy } from '../../../control-plane/policy/validation/validate-policy.ts';
import type { PolicyRules } from '../../../control-plane/policy/validation/validation-context.ts';
import { policyRules, validationContext } from './policy-rules.ts';

function findings(given: Partial<PolicyRules>): string[] {
  return validatePolicy(policyRules(given), validationContext).map(
    ({ severity, code, field, line, column, message, hint }) => {
      const where = line === undefined ? field : `${field}:${line}:${column}`;
      return `${severity} ${code} ${where} ${message}${hint === '' ? '' : ` ${hint}`}`;
    },
  );
}

const onTools = { tools: ['*'] };
const onWriting = { servers: ['files'], tools: ['write_file'] };

describe('a policy without a fault', () => {
  test.each<Partial<PolicyRules>>([
    {},
    { condition: '"agent" in principal.roles' },
    { condition: 'request.kind == "tool" || server.labels.all(name, name != "x")' },
    { ...onTools, condition: '!tool.annotations.readOnlyHint' },
    { ...onTools, condition: 'has(args.path) && args.path == "x"' },
    { ...onWriting, condition: '!pathUnder(args.path, "/srv")' },
    { ...onWriting, condition: 'has(args.lines) && args.lines > 5' },
    { ...onWriting, condition: 'has(args.ratio) && args.ratio > 0.5 && args.ratio < 1' },
    { ...onWriting, condition: 'has(args.mode) && args.mode == "append"' },
    { ...onWriting, condition: 'has(args.tags) && args.tags.exists(tag, tag.startsWith("x"))' },
    {
      ...onWriting,
      condition: 'has(args.options) && has(args.options.force) && args.options.force',
    },
    { ...onWriting, condition: 'type(args.path) != string || args.content == null' },
    { methods: ['tools/call'], condition: 'tool.name == "write_file" && args.size() > 2' },
    { methods: ['resources/read'], resources: ['file:///srv/*'] },
    { servers: ['new-server'], tools: ['whatever'] },
    { prompts: ['summarize'], condition: 'has(args.topic) && args.topic == "x"' },
    { subjects: ['user:1', 'issuer:somebody'], roles: ['agent'], apiKeys: ['key1'] },
    {
      condition:
        'now.getHours("Europe/Berlin") >= 18 || now - timestamp("2026-01-01T00:00:00Z") > duration("24h")',
    },
    { condition: '"x-team" in request.headers && request.headers["x-team"] == "blue"' },
    { condition: 'principal.roles.filter(role, role != "agent").size() == 0' },
    { condition: '{"a": 1}[request.method] == 1 && [1, 2][0] == 1 && request.era == "legacy"' },
    { condition: 'request.address == "" || !inCidr(request.address, "10.0.0.0/8")' },
    { methods: ['tools/list'] },
    { condition: 'principal.roles.exists(args, args == "agent")' },
    { condition: '[{"name": request.method}].exists(tool, tool.name == "x")' },
    { servers: ['files'], condition: '"%s".format([server]).contains("x")' },
    { servers: ['files'], condition: 'server.size() > 7 || has(server.labels.env)' },
  ])('%j', (given) => expect(findings(given)).toEqual([]));
});

describe('the condition', () => {
  test.each<[Partial<PolicyRules>, string]>([
    [{ condition: 'request.method = "x"' }, 'error SYNTAX condition:1:16'],
    [
      { condition: 'pricipal.subject == "x"' },
      'error SYNTAX condition:1:1 There is no variable "pricipal". Did you mean principal?',
    ],
    [
      { condition: 'request.method.startWith("x")' },
      'error SYNTAX condition:1:16 There is no function "startWith". Did you mean startsWith()?',
    ],
    [{ condition: 'request.method.matches("(")' }, 'error SYNTAX condition:1:24 Missing closing )'],
    [
      { condition: 'principal.rolse.size() > 0' },
      'error UNKNOWN_FIELD condition:1:11 principal has no field "rolse". Did you mean roles?',
    ],
    [{ condition: 'has(principal.tenant)' }, 'error UNKNOWN_FIELD condition'],
    [{ ...onTools, condition: 'tool.annotations.readonly' }, 'error UNKNOWN_FIELD condition:1:18'],
    [
      { condition: 'request.method.length > 1' },
      'error UNKNOWN_FIELD condition:1:16 A string has no fields.',
    ],
    [
      { condition: 'request["mehtod"] == "x"' },
      'error UNKNOWN_FIELD condition:1:9 request has no field "mehtod". Did you mean method?',
    ],
    [
      { ...onWriting, condition: 'args.pth == "x"' },
      'error UNKNOWN_ARGUMENT condition:1:6 The tools of this policy say nothing of "pth" in args. Did you mean path?',
    ],
    [{ ...onWriting, condition: '"pth" in args' }, 'error UNKNOWN_ARGUMENT condition'],
    [{ ...onWriting, condition: 'has(args.options.forced)' }, 'error UNKNOWN_ARGUMENT condition'],
    [
      { servers: ['files'], tools: ['read_file'], condition: 'has(args.tail) && args.tail > 1' },
      'warning UNKNOWN_ARGUMENT condition',
    ],
    [
      { servers: ['files'], tools: ['read_file', 'write_file'], condition: 'has(args.hed)' },
      'warning UNKNOWN_ARGUMENT condition',
    ],
    [{ condition: 'request.headers["x-other"] == "1"' }, 'error UNKNOWN_HEADER condition:1:17'],
    [{ condition: 'has(request.headers.other)' }, 'error UNKNOWN_HEADER condition'],
    [
      { condition: '"X-Team" in request.headers' },
      'error UNKNOWN_HEADER condition:1:10 Conditions may not read the header "X-Team". Names of headers are in lower case: "x-team".',
    ],
    [
      { condition: 'request.method' },
      'error NOT_BOOLEAN condition:1:9 The condition is a string, neither true nor false.',
    ],
    [{ condition: 'principal.roles' }, 'error NOT_BOOLEAN condition'],
    [
      { condition: 'request.method > 5' },
      'error TYPE_MISMATCH condition:1:16 > does not take (string, int).',
    ],
    [{ condition: 'request.method + 5 == "x"' }, 'error TYPE_MISMATCH condition'],
    [
      { ...onWriting, condition: 'args.lines + 1.5 > 2.0' },
      'error TYPE_MISMATCH condition:1:12 + does not take (int, double). Write the whole number as 5.0, or convert with double() or int().',
    ],
    [{ condition: '!request.method' }, 'error TYPE_MISMATCH condition'],
    [{ condition: 'request.method && true' }, 'error TYPE_MISMATCH condition'],
    [{ condition: 'request.method ? true : false' }, 'error TYPE_MISMATCH condition'],
    [{ condition: 'principal.roles["x"] == "agent"' }, 'error TYPE_MISMATCH condition'],
    [
      { condition: '"agent" in request.method' },
      'error TYPE_MISMATCH condition:1:9 A string holds nothing that in could look for. Write text.contains("…").',
    ],
    [{ condition: 'request.method.all(x, true)' }, 'error TYPE_MISMATCH condition'],
    [{ condition: 'principal.roles.all(role, role > 1)' }, 'error TYPE_MISMATCH condition'],
    [{ condition: 'now > 5' }, 'error TYPE_MISMATCH condition'],
    [
      { condition: 'inCidr(request.address)' },
      'error TYPE_MISMATCH condition:1:1 inCidr() does not take (string). It takes (string, string).',
    ],
    [
      { condition: 'principal.subject == 1' },
      'error NEVER_EQUAL condition:1:19 A string is compared with an int: that is never true. Write the number without quotes, or convert with int() or string().',
    ],
    [{ condition: 'principal.subject != 1' }, 'error NEVER_EQUAL condition'],
    [
      { ...onWriting, condition: 'has(args.dryRun) && args.dryRun == "true"' },
      'error NEVER_EQUAL condition',
    ],
    [
      { ...onWriting, condition: 'has(args.mode) && args.mode == "apend"' },
      'error NEVER_EQUAL condition:1:29 This is never true: the value is never "apend". Did you mean "append"?',
    ],
    [
      { condition: '1 in principal.roles' },
      'error NEVER_EQUAL condition:1:3 An int is never in a list of string.',
    ],
    [{ condition: 'principal.kind == "agent"' }, 'error NEVER_EQUAL condition'],
    [
      { condition: 'request.era == "modren"' },
      'error NEVER_EQUAL condition:1:13 This is never true: the value is never "modren". Did you mean "modern"?',
    ],
    [{ condition: '1 == 2' }, 'error NEVER_TRUE condition:1:3'],
    [{ condition: 'false && principal.subject == "x"' }, 'error NEVER_TRUE condition'],
    [
      { ...onWriting, condition: 'args.path.startsWith("/") && false' },
      'error NEVER_TRUE condition',
    ],
    [
      { condition: 'true' },
      'warning ALWAYS_TRUE condition:1:1 The condition is true for every call. Leave the condition out.',
    ],
    [{ condition: 'request.method == "x" || true' }, 'warning ALWAYS_TRUE condition'],
    [
      { condition: '1 / 0 == 1' },
      'error ALWAYS_FAILS condition:1:7 This fails for every call: a division by zero.',
    ],
    [
      { servers: ['files'], condition: 'server.slug == "other"' },
      'error NEVER_EQUAL condition:1:13 This is never true: the policy is about other servers. Its servers are files.',
    ],
    [
      { servers: ['fil*'], condition: 'server.slug == "other" || principal.kind == "user"' },
      'error NEVER_EQUAL condition',
    ],
    [{ ...onWriting, condition: 'tool.name == "read_file"' }, 'error NEVER_EQUAL condition'],
    [
      { ...onWriting, condition: 'tool.name in ["read_file", "ping"]' },
      'error NEVER_EQUAL condition',
    ],
    [{ ...onWriting, condition: 'tool.name.startsWith("read_")' }, 'error NEVER_TRUE condition'],
    [
      { ...onWriting, condition: 'tool.name != "write_file" && args.path == "/"' },
      'error NEVER_TRUE condition',
    ],
    [{ ...onWriting, condition: 'request.kind == "prompt"' }, 'error NEVER_TRUE condition'],
    [
      { methods: ['tools/call'], condition: 'request.method == "prompts/get"' },
      'error NEVER_EQUAL condition',
    ],
    [{ ...onWriting, condition: 'tool.name == "write_file"' }, 'warning ALWAYS_TRUE condition'],
    [
      { condition: 'tool.name == "x"' },
      'error TARGETS_TOO_WIDE condition:1:1 The policy is also about calls without a tool (resource, prompt, method)',
    ],
    [{ condition: 'has(args.x)' }, 'error TARGETS_TOO_WIDE condition:1:5'],
    [
      { tools: ['*'], resources: ['*'], condition: 'has(args.x)' },
      'error TARGETS_TOO_WIDE condition',
    ],
    [{ methods: ['tools/*'], condition: 'tool.name == "x"' }, 'error TARGETS_TOO_WIDE condition'],
    [{ prompts: ['*'], condition: 'tool.name == "x"' }, 'error TARGETS_TOO_WIDE condition'],
    [
      { ...onWriting, condition: 'args.lines > 5' },
      'warning MAY_BE_ABSENT condition:1:6 The condition fails for calls without "lines", and so denies them. Ask first: "lines" in args && …',
    ],
    [{ condition: 'request.headers["x-team"] == "blue"' }, 'warning MAY_BE_ABSENT condition'],
    [{ condition: 'server.labels.env == "prod"' }, 'warning MAY_BE_ABSENT condition'],
    [
      { ...onTools, condition: 'args.a.all(x, args.a.all(y, x == y))' },
      'warning TOO_COSTLY condition',
    ],
    [
      {
        ...onTools,
        condition: 'args.a.all(x, args.a.all(y, args.a.all(z, args.a.all(w, w == z))))',
      },
      'error TOO_COSTLY condition',
    ],
    [
      { condition: 'startsWith(request.method, "tools/")' },
      'error TYPE_MISMATCH condition:1:1 startsWith() does not take (string, string). It takes string.startsWith(string).',
    ],
    [{ condition: '.tool.name == "x"' }, 'error TARGETS_TOO_WIDE condition'],
    [
      { condition: '"agnet" in principal.roles' },
      'warning UNKNOWN_ROLE condition:1:1 The organization has no role "agnet". Did you mean agent?',
    ],
    [
      { condition: 'inCidr(request.address, "10.0.0.0/99")' },
      'error ALWAYS_FAILS condition:1:1 This fails for every call: the range is not written like',
    ],
    [
      { ...onWriting, condition: 'pathUnder(args.path, "srv")' },
      'error ALWAYS_FAILS condition:1:1 This fails for every call: the folder is not absolute.',
    ],
    [
      { ...onWriting, condition: 'pathUnder(args.path, "/srv", "dos")' },
      'error ALWAYS_FAILS condition:1:1 This fails for every call: the style is none of posix, windows.',
    ],
    [
      { condition: 'now.getHours("Europe/Berlni") > 5' },
      'error ALWAYS_FAILS condition:1:5 This fails for every call: there is no such time zone.',
    ],
    [{ condition: 'now > timestamp("2026-13-01")' }, 'error ALWAYS_FAILS condition:1:7'],
    [{ condition: 'now - timestamp(0) > duration("1 day")' }, 'error ALWAYS_FAILS condition'],
    [{ condition: 'request.method == "x" && 1 / 0 == 1' }, 'error ALWAYS_FAILS condition'],
  ])('%j', (given, expected) => {
    expect(findings(given)).toContainEqual(expect.stringContaining(expected));
  });
});

describe('whom and what it is about', () => {
  test.each<[Partial<PolicyRules>, string]>([
    [
      { servers: ['fies'] },
      'warning UNKNOWN_SERVER servers.0 No server is called "fies". Did you mean files?',
    ],
    [{ servers: ['files', 'x*'] }, 'warning UNKNOWN_SERVER servers.1'],
    [
      { servers: ['files'], tools: ['writefile'] },
      'warning UNKNOWN_TOOL tools.0 The servers of this policy offer nothing called "writefile". Did you mean write_file?',
    ],
    [{ servers: ['files'], tools: ['write_*', 'drop_*'] }, 'warning UNKNOWN_TOOL tools.1'],
    [{ servers: ['files'], prompts: ['sumarize'] }, 'warning UNKNOWN_PROMPT prompts.0'],
    [{ servers: ['files'], resources: ['file:///etc/*'] }, 'warning UNKNOWN_RESOURCE resources.0'],
    [
      { methods: ['tools/cal'] },
      'warning UNKNOWN_METHOD methods.0 The protocol has no method "tools/cal". Did you mean tools/call?',
    ],
    [{ methods: ['files/*'] }, 'warning UNKNOWN_METHOD methods.0'],
    [{ methods: ['initialize'] }, 'error METHOD_NOT_DECIDED methods.0'],
    [{ methods: ['sampling/createMessage'] }, 'error METHOD_NOT_DECIDED methods.0'],
    [{ effect: 'allow', methods: ['tools/list'] }, 'error METHOD_NOT_DECIDED methods.0'],
    [{ methods: ['resources/read'], tools: ['*'] }, 'error TARGETS_NEVER_MATCH methods'],
    [
      { roles: ['agnet'] },
      'warning UNKNOWN_ROLE roles.0 The organization has no role "agnet". Did you mean agent?',
    ],
    [{ subjects: ['user:9'] }, 'warning UNKNOWN_SUBJECT subjects.0'],
    [{ apiKeys: ['key9'] }, 'warning UNKNOWN_API_KEY apiKeys.0'],
  ])('%j', (given, expected) => {
    expect(findings(given)).toContainEqual(expect.stringContaining(expected));
  });

  test('says nothing of what a server offers that was never asked', () => {
    expect(findings({ servers: ['new-server', 'files'], tools: ['x'], prompts: ['y'] })).toEqual(
      [],
    );
  });
});

test('errors stand before warnings, and none says what another says already', () => {
  const severities = validatePolicy(
    policyRules({ ...onWriting, roles: ['x'], condition: 'args.pth == 1 && args.lines > 5' }),
    validationContext,
  ).map(({ severity, code }) => `${severity} ${code}`);
  expect(severities).toEqual([
    'error UNKNOWN_ARGUMENT',
    'warning UNKNOWN_ROLE',
    'warning MAY_BE_ABSENT',
    'warning MAY_BE_ABSENT',
  ]);
});
