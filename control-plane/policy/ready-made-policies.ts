import { pathStyles } from '../../common/policy/path-under.ts';
import { wallTime } from '../../common/policy/zoned-time.ts';
import { done, type Outcome, refused, violation } from '../input/violation.ts';
import type { PolicyDefinition } from '../store/entities/policy-revision.ts';
import { celText, hasArgument, readArgument } from './cel-text.ts';
import {
  type PolicyTemplateParameter,
  type ReadParameters,
  readParameters,
} from './template-parameters.ts';

/** A policy that a template makes; mode and whether it is enabled are up to who creates it. */
export type FilledPolicy = Omit<PolicyDefinition, 'enabled' | 'mode'>;

/** A policy that only needs a few words filled in. */
export interface PolicyTemplate {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly parameters: readonly PolicyTemplateParameter[];
  /** What is wrong with the parameters together; each for itself is right. */
  readonly fill: (parameters: ReadParameters) => Outcome<Partial<FilledPolicy>>;
}

const servers: PolicyTemplateParameter = {
  name: 'servers',
  description: 'Patterns of the slugs of servers that it is about; none: all.',
  kind: 'TEXT_LIST',
  defaultValue: [],
};

function roles(defaultValue: readonly string[]): PolicyTemplateParameter {
  const description = 'Roles that it is about; none: everybody.';
  return { name: 'roles', description, kind: 'TEXT_LIST', defaultValue };
}

const everyTool = ['*'];

const readOnlyAgents: PolicyTemplate = {
  id: 'read-only-agents',
  title: 'Read-only agents',
  description:
    'Agents may call only tools whose approved definition says that they change nothing. A tool whose definition nobody has approved counts as one that does.',
  parameters: [roles(['agent']), servers],
  fill: () =>
    done({
      message: 'You may call only tools that read.',
      tools: everyTool,
      condition: '!tool.annotations.readOnlyHint',
    }),
};

const denyDestructiveTools: PolicyTemplate = {
  id: 'deny-destructive-tools',
  title: 'Deny destructive tools',
  description:
    'Nobody may call a tool that may destroy something: one whose approved definition doesn\u2019t say otherwise.',
  parameters: [roles([]), servers],
  fill: () =>
    done({
      message: 'Tools that may destroy something are not allowed.',
      tools: everyTool,
      condition: 'tool.annotations.destructiveHint && !tool.annotations.readOnlyHint',
    }),
};

const approvedDefinitionsOnly: PolicyTemplate = {
  id: 'approved-definitions-only',
  title: 'Only approved tool definitions',
  description: 'Only tools can be called whose definition an admin has approved.',
  parameters: [roles([]), servers],
  fill: () =>
    done({
      message: 'The definition of this tool is not approved.',
      tools: everyTool,
      condition: '!tool.approved',
    }),
};

const businessHours: PolicyTemplate = {
  id: 'business-hours',
  title: 'Business hours',
  description: 'Nothing can be used outside the hours and days of work.',
  parameters: [
    {
      name: 'timeZone',
      description: 'Zone of the IANA database, such as Europe/Berlin, or an offset such as +02:00.',
      kind: 'TEXT',
      defaultValue: 'UTC',
    },
    {
      name: 'fromHour',
      description: 'First hour of work, from 0.',
      kind: 'INT',
      defaultValue: 8,
    },
    {
      name: 'untilHour',
      description: 'Hour at which work ends, up to 24; before the first hour: on the next day.',
      kind: 'INT',
      defaultValue: 18,
    },
    {
      name: 'days',
      description:
        'Days of work, from 0 (Sunday) to 6 (Saturday); the day on which a night begins and the one on which it ends both have to be among them.',
      kind: 'INT_LIST',
      defaultValue: [1, 2, 3, 4, 5],
    },
    roles([]),
    servers,
  ],
  fill: (parameters) => {
    const zone = parameters.text('timeZone');
    const from = parameters.int('fromHour');
    const until = parameters.int('untilHour');
    const days = parameters.intList('days');
    const problems = [
      ...(isZone(zone) ? [] : [violation('timeZone', 'NOT_FOUND', 'There is no such time zone.')]),
      ...hourViolations('fromHour', from, 23),
      ...hourViolations('untilHour', until, 24),
      ...(days.length > 0 && days.every((day) => day >= 0 && day <= 6)
        ? []
        : [violation('days', 'OUT_OF_RANGE', 'Days are numbers from 0 (Sunday) to 6.')]),
      ...(from === until
        ? [violation('untilHour', 'OUT_OF_RANGE', 'Work ends at another hour than it begins.')]
        : []),
    ];
    if (problems.length > 0) return refused(...problems);
    const text = celText(zone);
    const hour = `now.getHours(${text})`;
    const joint = from < until ? '&&' : '||';
    const within = `(${hour} >= ${from} ${joint} ${hour} < ${until})`;
    return done({
      message: 'This can be used only during business hours.',
      condition: `!(now.getDayOfWeek(${text}) in [${days.join(', ')}] && ${within})`,
    });
  },
};

function isZone(zone: string): boolean {
  try {
    wallTime(0, zone);
    return true;
  } catch {
    return false;
  }
}

function hourViolations(name: string, hour: number, max: number): ReturnType<typeof violation>[] {
  if (hour >= 0 && hour <= max) return [];
  return [violation(name, 'OUT_OF_RANGE', `An hour is a number from 0 to ${max}.`)];
}

const pathJail: PolicyTemplate = {
  id: 'path-jail',
  title: 'Path jail',
  description:
    'Tools that take paths may be called only with paths under one folder. A call that names none of the arguments is denied.',
  parameters: [
    {
      name: 'folder',
      description: 'The folder, as an absolute path of the server\u2019s machine.',
      kind: 'TEXT',
      defaultValue: null,
    },
    {
      name: 'tools',
      description: 'Patterns of the tools that take paths.',
      kind: 'TEXT_LIST',
      defaultValue: null,
    },
    {
      name: 'arguments',
      description: 'Names of their arguments that are a path.',
      kind: 'TEXT_LIST',
      defaultValue: ['path'],
    },
    {
      name: 'listArguments',
      description: 'Names of their arguments that are lists of paths.',
      kind: 'TEXT_LIST',
      defaultValue: [],
    },
    {
      name: 'style',
      description: 'How paths are written there: posix or windows.',
      kind: 'TEXT',
      defaultValue: 'posix',
    },
    roles([]),
    servers,
  ],
  fill: (parameters) => {
    const folder = parameters.text('folder');
    const style = parameters.text('style');
    const single = parameters.textList('arguments');
    const lists = parameters.textList('listArguments');
    const tools = parameters.textList('tools');
    const isAbsolute = style === 'windows' ? /^(?:[a-z]:[\\/]|\\\\)/i : /^\//;
    const problems = [
      ...(pathStyles.some((known) => known === style)
        ? []
        : [violation('style', 'INVALID_FORMAT', `One of ${pathStyles.join(', ')}.`)]),
      ...(isAbsolute.test(folder)
        ? []
        : [violation('folder', 'INVALID_FORMAT', 'The folder is an absolute path.')]),
      ...(tools.length > 0 ? [] : [violation('tools', 'REQUIRED', 'Name the tools.')]),
      ...(single.length + lists.length > 0
        ? []
        : [violation('arguments', 'REQUIRED', 'Name an argument.')]),
    ];
    if (problems.length > 0) return refused(...problems);
    const under = (path: string): string =>
      `pathUnder(${path}, ${celText(folder)}${style === 'posix' ? '' : `, ${celText(style)}`})`;
    const outside = [
      ...single.map((name) => `${hasArgument(name)} && !${under(readArgument(name))}`),
      ...lists.map(
        (name) => `${hasArgument(name)} && !${readArgument(name)}.all(item, ${under('item')})`,
      ),
    ];
    const named = [...single, ...lists].map(hasArgument).join(' || ');
    return done({
      message: `Only paths under ${folder.length > 200 ? 'one folder' : folder} are allowed.`,
      tools,
      condition: `!(${named}) ||\n${outside.join(' ||\n')}`,
    });
  },
};

/** Policies that most organizations want some of, each a deny rule that stands by itself. */
export const policyTemplates: readonly PolicyTemplate[] = [
  readOnlyAgents,
  businessHours,
  pathJail,
  denyDestructiveTools,
  approvedDefinitionsOnly,
];

/**
 * The policy that a template makes of parameters by name; absent ones take their defaults. Violations name
 * parameters.
 */
export function fillTemplate(
  id: string,
  parameters: Readonly<Record<string, unknown>>,
): Outcome<FilledPolicy> {
  const template = policyTemplates.find((known) => known.id === id);
  if (template === undefined) {
    return refused(violation('id', 'NOT_FOUND', 'There is no such template.'));
  }
  const read = readParameters(template.parameters, parameters);
  if (!read.ok) return read;
  const filled = template.fill(read.value);
  if (!filled.ok) return filled;
  return done({
    name: template.id,
    description: template.description,
    effect: 'deny',
    message: '',
    servers: read.value.textList('servers'),
    methods: [],
    tools: [],
    resources: [],
    prompts: [],
    roles: read.value.textList('roles'),
    subjects: [],
    apiKeys: [],
    condition: '',
    ...filled.value,
  });
}
