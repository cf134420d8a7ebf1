import type { Policy } from '../../common/policy/policy.ts';
import { readMessage } from '../../data-plane/mcp/message.ts';
import { answerNarrowing } from '../../data-plane/pipeline/answer-narrowing.ts';
import { AnswerReader } from '../../data-plane/pipeline/answer-reader.ts';
import type { CallFacts } from '../../data-plane/pipeline/call-facts.ts';
import type { Admitted } from '../../data-plane/pipeline/limit.ts';
import { testPolicy } from '../support/policy-call.ts';
import { ProxySnapshot } from '../support/proxy-snapshot.ts';
import { median } from './quantile.ts';

export interface ListBenchPlan {
  /** Answers in one round. */
  readonly answers: number;
  readonly rounds: number;
}

/** CPU time of reading one answer, in microseconds. */
export interface ListFigures {
  readonly listBytes: number;
  /** The organization has no policies. */
  readonly plainListUs: number;
  /** 1,000 policies, of which three are about a tool, with a condition on its definition. */
  readonly policiesListUs: number;
  /** A key for ten of the tools. */
  readonly scopesListUs: number;
  readonly plainCallUs: number;
  readonly policiesCallUs: number;
}

const toolCount = 100;

function toolOf(n: number): object {
  const text = { type: 'string', description: 'What is looked for, in plain words.' };
  const properties = { query: text, folder: text, limit: { type: 'integer', minimum: 1 } };
  return {
    name: `tool_${n}`,
    description: 'Finds what is asked for, and says where it stands and since when. '.repeat(4),
    inputSchema: { type: 'object', properties, required: ['query'] },
  };
}

function response(result: object): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, result }));
}

const listAnswer = response({ tools: Array.from({ length: toolCount }, (_, n) => toolOf(n)) });
const callAnswer = response({ content: [{ type: 'text', text: 'done '.repeat(40) }] });

function policies(): Policy[] {
  const others = Array.from({ length: 997 }, (_, n) =>
    testPolicy(`other-${n}`, { tools: [`other_${n}_*`], position: n }),
  );
  const condition = 'tool.name.endsWith("7") && !tool.annotations.readOnlyHint';
  return [
    ...others,
    testPolicy('sevens', { tools: ['tool_*'], condition }),
    testPolicy('thirties', { tools: ['tool_3*'], condition: 'principal.kind == "external"' }),
    testPolicy('arguments', { tools: ['tool_4*'], condition: 'args.limit > 10' }),
  ];
}

class ListBench {
  readonly #snapshot = new ProxySnapshot();
  readonly #organization = this.#snapshot.addOrganization('acme');
  readonly #server = this.#snapshot.addServer(this.#organization, 'files', [
    new URL('http://127.0.0.1/'),
  ]);

  setPolicies(): void {
    this.#snapshot.setPolicies(this.#organization, policies());
  }

  /** A call as what reads its answer sees it. */
  call(method: string, scopes: readonly string[]): Admitted {
    const message = readMessage({ jsonrpc: '2.0', id: 1, method, params: { name: 'tool_1' } });
    this.#snapshot.addKey(this.#organization, 'user:1', { scopes });
    const credentialId = [...this.#snapshot.apiKeys.keys()].at(-1) ?? '';
    const client = { name: '', version: '' };
    const facts = { clientAddress: '127.0.0.1', client } as CallFacts;
    const exchange = { head: { rawHeaders: [] } };
    const routed = {
      organization: this.#organization,
      server: this.#server,
      decoded: {
        era: 'legacy',
        messages: [message],
        identified: {
          accepted: { snapshot: this.#snapshot, facts, exchange, method: 'POST' },
          principal: {
            credentialId,
            subject: 'user:1',
            roles: ['agent'],
            scopes,
            token: undefined,
          },
        },
      },
    };
    return { permit: { routed } } as unknown as Admitted;
  }

  read(call: Admitted, answer: Buffer): Buffer {
    const parts = { snapshots: { current: () => this.#snapshot }, nowMs: Date.now };
    const reader = new AnswerReader(call, 'json', answerNarrowing(call, 'json', parts));
    return reader.write(answer);
  }
}

/** Measures what narrowing a list costs, and what it costs those who don't ask for one. */
export function runListBench({ answers, rounds }: ListBenchPlan): ListFigures {
  const plain = new ListBench();
  const ruled = new ListBench();
  ruled.setPolicies();
  const everything = ['mcp:*'];
  const ten = Array.from({ length: 10 }, (_, n) => `mcp:files:tool_${n}`);
  const subjects = [
    { bench: plain, call: plain.call('tools/list', everything), answer: listAnswer, left: 100 },
    { bench: ruled, call: ruled.call('tools/list', everything), answer: listAnswer, left: 90 },
    { bench: plain, call: plain.call('tools/list', ten), answer: listAnswer, left: 10 },
    { bench: plain, call: plain.call('tools/call', everything), answer: callAnswer, left: 0 },
    { bench: ruled, call: ruled.call('tools/call', everything), answer: callAnswer, left: 0 },
  ];
  const figures = subjects.map(({ bench, call, answer, left }) => {
    const found =
      bench
        .read(call, answer)
        .toString()
        .match(/"inputSchema"/g)?.length ?? 0;
    if (found !== left) throw new Error(`${found} tools are left of a list instead of ${left}`);
    const samples: number[] = [];
    // The first rounds are for Node's compiler.
    for (let round = -3; round < rounds; round += 1) {
      const begin = process.cpuUsage();
      for (let count = 0; count < answers; count += 1) bench.read(call, answer);
      const { user, system } = process.cpuUsage(begin);
      if (round >= 0) samples.push((user + system) / answers);
    }
    return median(samples);
  });
  const [
    plainListUs = 0,
    policiesListUs = 0,
    scopesListUs = 0,
    plainCallUs = 0,
    policiesCallUs = 0,
  ] = figures;
  return {
    listBytes: listAnswer.length,
    ...{ plainListUs, policiesListUs, scopesListUs, plainCallUs, policiesCallUs },
  };
}

/** The figures as lines for a terminal. */
export function listLines(figures: ListFigures): string[] {
  const us = (value: number) => `${value.toFixed(1).padStart(8)} µs`;
  return [
    `  list of ${toolCount} tools, ${figures.listBytes} bytes, no policies  ${us(figures.plainListUs)}`,
    `    with 1,000 policies                          ${us(figures.policiesListUs)}`,
    `    for a key of ten tools                       ${us(figures.scopesListUs)}`,
    `  answer of a call, no policies                  ${us(figures.plainCallUs)}`,
    `    with 1,000 policies                          ${us(figures.policiesCallUs)}`,
  ];
}
