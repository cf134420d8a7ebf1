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
