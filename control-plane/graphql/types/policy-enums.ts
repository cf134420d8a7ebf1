import { registerEnumType } from 'type-graphql';

export const PolicyEffect = { ALLOW: 'allow', DENY: 'deny' } as const;

registerEnumType(PolicyEffect, {
  name: 'PolicyEffect',
  description: 'What a policy does with the calls that it is about.',
  valuesConfig: {
    ALLOW: { description: 'It allows them, unless another policy denies them.' },
    DENY: { description: 'It denies them, whatever others allow.' },
  },
});

export const PolicyMode = { ENFORCE: 'enforce', SHADOW: 'shadow' } as const;

registerEnumType(PolicyMode, {
  name: 'PolicyMode',
  description: 'Whether a policy counts.',
  valuesConfig: {
    ENFORCE: { description: 'It decides.' },
    SHADOW: { description: 'It decides nothing; what it would have decided is recorded.' },
  },
});

export const PolicyChangeKind = { SAVED: 'saved', DELETED: 'deleted' } as const;

registerEnumType(PolicyChangeKind, {
  name: 'PolicyChangeKind',
  description: 'What happened to a policy.',
  valuesConfig: {
    SAVED: { description: 'It was created, changed or moved; `policy` holds it as it is now.' },
    DELETED: { description: 'It was deleted; `policy` is null.' },
  },
});

export const PolicyPlace = {
  FIRST: 'first',
  LAST: 'last',
  BEFORE: 'before',
  AFTER: 'after',
} as const;

registerEnumType(PolicyPlace, {
  name: 'PolicyPlace',
  description: 'A place in an organization’s order of policies.',
  valuesConfig: {
    FIRST: { description: 'Before all others.' },
    LAST: { description: 'After all others.' },
    BEFORE: { description: 'Right before the policy that `besideId` names.' },
    AFTER: { description: 'Right after the policy that `besideId` names.' },
  },
});

export const PolicyDefault = { ALLOW: 'allow', DENY: 'deny' } as const;

registerEnumType(PolicyDefault, {
  name: 'PolicyDefault',
  description: 'What becomes of a call that no policy decides.',
  valuesConfig: {
    ALLOW: { description: 'It goes on.' },
    DENY: { description: 'It is denied.' },
  },
});

export const ToolRefusalForm = {
  HTTP_STATUS: 'http_status',
  JSON_RPC_ERROR: 'json_rpc_error',
  TOOL_RESULT: 'tool_result',
} as const;

registerEnumType(ToolRefusalForm, {
  name: 'ToolRefusalForm',
  description: 'How a `tools/call` that a policy denies is answered.',
  valuesConfig: {
    HTTP_STATUS: { description: 'With an HTTP status, and a JSON-RPC error as body.' },
    JSON_RPC_ERROR: { description: 'With HTTP 200 and a JSON-RPC error.' },
    TOOL_RESULT: {
      description: 'With HTTP 200 and a tool result that says `isError`, which models get to read.',
    },
  },
});

export const ArgumentRecording = { OFF: 'off', REDACTED: 'redacted', FULL: 'full' } as const;

registerEnumType(ArgumentRecording, {
  name: 'ArgumentRecording',
  description: 'What of a call’s arguments stands in its record.',
  valuesConfig: {
    OFF: { description: 'Nothing.' },
    REDACTED: { description: 'The arguments with secrets replaced.' },
    FULL: { description: 'The arguments as they were sent.' },
  },
});
