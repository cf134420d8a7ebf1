import { isStorableText, validateDescription, validateSlug } from '../input/text-rules.ts';
import { type Violation, violation } from '../input/violation.ts';
import type { PolicyDefinition } from '../store/entities/policy-revision.ts';

/** Bounds on one policy; lengths in characters. */
const policyBounds = {
  descriptionLengthMax: 4000,
  messageLengthMax: 300,
  conditionLengthMax: 8192,
  /** All patterns of a policy together. */
  patternsLengthMax: 65_536,
} as const;

/** Most items of each list of a policy, and the length of one. */
const listBounds = {
  servers: { itemsMax: 200, lengthMax: 256 },
  methods: { itemsMax: 200, lengthMax: 256 },
  tools: { itemsMax: 200, lengthMax: 512 },
  resources: { itemsMax: 200, lengthMax: 2048 },
  prompts: { itemsMax: 200, lengthMax: 512 },
  roles: { itemsMax: 100, lengthMax: 63 },
  subjects: { itemsMax: 500, lengthMax: 400 },
  apiKeys: { itemsMax: 500, lengthMax: 64 },
} as const;
type ListName = keyof typeof listBounds;

const policyLists = Object.keys(listBounds) as readonly ListName[];
const patternLists = ['servers', 'methods', 'tools', 'resources', 'prompts'] as const;

function validateItem(path: string, text: string, lengthMax: number): Violation[] {
  if (text === '') return [violation(path, 'REQUIRED', 'An empty text matches nothing.')];
  if (text.length > lengthMax) {
    return [violation(path, 'TOO_LONG', `At most ${lengthMax} characters are allowed.`)];
  }
  if (isStorableText(text)) return [];
  return [violation(path, 'INVALID_FORMAT', 'Control characters are not allowed.')];
}

function validateList(name: ListName, items: readonly string[]): Violation[] {
  const { itemsMax, lengthMax } = listBounds[name];
  if (items.length > itemsMax) {
    return [violation(name, 'TOO_MANY', `The list holds at most ${itemsMax} items.`)];
  }
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const path = `${name}.${index}`;
    if (seen.has(item)) {
      return [violation(path, 'DUPLICATE', 'The same stands in the list already.')];
    }
    seen.add(item);
    return validateItem(path, item, lengthMax);
  });
}

function validatePatterns(fields: PolicyDefinition): Violation[] {
  const { patternsLengthMax: max } = policyBounds;
  const length = patternLists.flatMap((name) => fields[name]).join('').length;
  if (length <= max) return [];
  return [violation('', 'TOO_LONG', `All patterns together have at most ${max} characters.`)];
}

function validateMessage(message: string): Violation[] {
  const { messageLengthMax } = policyBounds;
  if (message.length > messageLengthMax) {
    return [violation('message', 'TOO_LONG', `At most ${messageLengthMax} characters.`)];
  }
  if (isStorableText(message)) return [];
  return [violation('message', 'INVALID_FORMAT', 'The message is one line of text.')];
}

/** What is wrong with the form of a policy; whether it makes sense is another question. */
export function validatePolicyForm(fields: PolicyDefinition): Violation[] {
  const { descriptionLengthMax, conditionLengthMax } = policyBounds;
  return [
    ...validateSlug('name', fields.name),
    ...validateDescription('description', fields.description, descriptionLengthMax),
    ...validateMessage(fields.message),
    ...policyLists.flatMap((name) => validateList(name, fields[name])),
    ...validatePatterns(fields),
    ...validateDescription('condition', fields.condition, conditionLengthMax),
  ];
}
