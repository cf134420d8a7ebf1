import { expect, test } from '@jest/globals';
import { TaskTools } from '../../../data-plane/policy/task-tools.ts';

const task = (taskId: string, subject = 'user:1', serverId = 's') => ({
  subject,
  serverId,
  taskId,
});

test('tells the tool of a task to its caller at its server', () => {
  const tools = new TaskTools();
  tools.remember(task('t'), 'job');
  expect(tools.find(task('t'))).toBe('job');
  expect(tools.find(task('t', 'user:2'))).toBe('');
  expect(tools.find(task('t', 'user:1', 'other'))).toBe('');
});

test('forgets what was not spoken of for longest', () => {
  const tools = new TaskTools();
  for (let index = 0; index < 10_000; index += 1) tools.remember(task(`${index}`), 'job');
  tools.remember(task('0'), 'job');
  tools.remember(task('new'), 'job');
  expect(['0', '1', '2', 'new'].map((id) => tools.find(task(id)))).toEqual([
    'job',
    '',
    'job',
    'job',
  ]);
});
