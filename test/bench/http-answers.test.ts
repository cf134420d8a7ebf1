import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type HttpAnswer, HttpAnswers } from './http-answers.ts';

const sized = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello';
const chunked =
  'HTTP/1.1 503 Unavailable\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';

/** Feeds the text in pieces that end at the given places. */
function feed(text: string, cuts: readonly number[]): HttpAnswer[] {
  const answers = new HttpAnswers();
  const places = [...new Set(cuts.map((cut) => cut % text.length))].sort((a, b) => a - b);
  return [0, ...places]
    .map((from, index) => answers.push(text.slice(from, places[index] ?? text.length)))
    .filter((answer) => answer !== undefined);
}

describe('the bench’s HTTP parser', () => {
  test.each([
    ['a body of a given length', sized, { status: 200, body: 'hello' }],
    ['a chunked body', chunked, { status: 503, body: 'abcde' }],
  ])('reads %s, however it is cut', (_, text, expected) => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (cuts) => {
        expect(feed(text, cuts)).toEqual([expected]);
      }),
    );
  });

  test('keeps what follows for the next answer', () => {
    const answers = new HttpAnswers();
    expect(answers.push(sized + chunked.slice(0, 10))?.status).toBe(200);
    expect(answers.push(chunked.slice(10))?.status).toBe(503);
  });

  test('refuses an answer whose end it can’t tell', () => {
    expect(() => new HttpAnswers().push('HTTP/1.1 200 OK\r\n\r\n')).toThrow(/length/);
  });
});
