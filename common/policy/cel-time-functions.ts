import { type CelFunc, CelScalar, celFunc, celMethod, objectType } from '@bufbuild/cel';
import { create } from '@bufbuild/protobuf';
import { type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { ConditionValueError } from './condition-value-error.ts';
import { type WallTime, wallTime } from './zoned-time.ts';

const { INT, STRING } = CelScalar;
const TIMESTAMP = objectType(TimestampSchema);

/** Years 1 to 9999, as CEL bounds timestamps. */
const secondsMin = -62_135_596_800n;
const secondsMax = 253_402_300_799n;

const fields: Readonly<Record<string, (time: WallTime) => number>> = {
  getFullYear: ({ year }) => year,
  getMonth: ({ month }) => month,
  getDate: ({ day }) => day,
  getDayOfMonth: ({ day }) => day - 1,
  getDayOfWeek: ({ weekday }) => weekday,
  getDayOfYear: ({ dayOfYear }) => dayOfYear,
  getHours: ({ hour }) => hour,
  getMinutes: ({ minute }) => minute,
  getSeconds: ({ second }) => second,
};

/**
 * The library's functions on timestamps. Its own go through the local time of the process, which skips an
 * hour where that changes its clocks, and make a formatter for each call; its `timestamp(int)` takes
 * milliseconds where CEL says seconds.
 */
export function timeFunctions(): CelFunc[] {
  return [
    ...Object.entries(fields).flatMap(([name, field]) => [
      celMethod(name, TIMESTAMP, [], INT, function () {
        return BigInt(field(wallTime(epochMs(this.message), 'UTC')));
      }),
      celMethod(name, TIMESTAMP, [STRING], INT, function (zone) {
        return BigInt(field(wallTime(epochMs(this.message), zone)));
      }),
    ]),
    celMethod('getMilliseconds', TIMESTAMP, [], INT, function () {
      return BigInt(Math.floor(this.message.nanos / 1e6));
    }),
    celMethod('getMilliseconds', TIMESTAMP, [STRING], INT, function (zone) {
      wallTime(0, zone);
      return BigInt(Math.floor(this.message.nanos / 1e6));
    }),
    celFunc('timestamp', [INT], TIMESTAMP, (seconds) => {
      if (seconds < secondsMin || seconds > secondsMax) {
        throw new ConditionValueError('the time is out of range');
      }
      return create(TimestampSchema, { seconds });
    }),
  ];
}

function epochMs({ seconds, nanos }: Timestamp): number {
  return Number(seconds) * 1000 + Math.floor(nanos / 1e6);
}
