import { expect, test } from '@jest/globals';
import { type Command, runCommand, UsageError, usage } from '../../common/command-line.ts';

function program() {
  const runs: Readonly<Record<string, string>>[] = [];
  const greet: Command = {
    summary: 'Greets somebody.',
    options: { name: { type: 'string' }, tone: { type: 'string' } },
    required: ['name'],
    run: async (options) => {
      runs.push(options);
    },
  };
  return { runs, commands: new Map([['greet', greet]]) };
}

test('runs the named command with its options', async () => {
  const { runs, commands } = program();
  await runCommand(commands, ['greet', '--name', 'Ada']);
  expect(runs).toEqual([{ name: 'Ada' }]);
});

test.each([
  [[], 'No command given.'],
  [['gret'], 'Unknown command "gret".'],
  [['greet'], 'Missing --name.'],
  [['greet', '--nmae', 'Ada'], "Unknown option '--nmae'"],
])('refuses %j', async (args, message) => {
  const { runs, commands } = program();
  const refusal = runCommand(commands, args);
  await expect(refusal).rejects.toThrow(UsageError);
  await expect(refusal).rejects.toThrow(message);
  expect(runs).toEqual([]);
});

test('usage names every command and option', () => {
  const text = usage('program', program().commands);
  expect(text).toContain('program greet --name … --tone …');
  expect(text).toContain('Greets somebody.');
});
