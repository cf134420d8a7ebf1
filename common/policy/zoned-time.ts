import { BoundedCache } from './bounded-cache.ts';
import { ConditionValueError } from './condition-value-error.ts';

/** Fields of a moment as a clock on the wall shows them. */
export interface WallTime {
  readonly year: number;
  /** 0 to 11. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0 (Sunday) to 6. */
  readonly weekday: number;
  /** 0 to 365. */
  readonly dayOfYear: number;
}

/**
 * What a clock shows at a moment: in UTC, at an offset such as `+02:00` or `-05:30`, or in a zone of the
 * IANA database such as `Europe/Berlin`. Throws `ConditionValueError` for another zone. The process's own
 * zone means nothing here.
 */
export function wallTime(epochMs: number, zone: string): WallTime {
  return fieldsOf(epochMs + offsetMs(epochMs, zone));
}

/** Offsets of zones beyond these are not in use. */
const offsetPattern = /^([+-]?)(\d{2}):(\d{2})$/;

function offsetMs(epochMs: number, zone: string): number {
  if (zone === 'UTC') return 0;
  const fixed = offsetPattern.exec(zone);
  if (fixed === null) return zoneOffsetMs(epochMs, zone);
  const [, sign, hours, minutes] = fixed;
  const size = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? -size : size;
}

const formats = new BoundedCache(64, (zone) => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  } catch {
    throw new ConditionValueError('there is no such time zone');
  }
});

/** A zone's offset changes at whole quarters of an hour only. */
const offsetPeriodMs = 900_000;
const offsets = new BoundedCache(256, (key) => {
  const separator = key.indexOf(' ');
  const parts = formats
    .get(key.slice(separator + 1))
    .formatToParts(Number(key.slice(0, separator)));
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  const [, sign, hours, minutes, seconds] =
    /^GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(name) ?? [];
  const size = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
  return { ms: (sign === '-' ? -size : size) * 1000 };
});

function zoneOffsetMs(epochMs: number, zone: string): number {
  const period = Math.floor(epochMs / offsetPeriodMs) * offsetPeriodMs;
  return offsets.get(`${period} ${zone}`).ms;
}

function fieldsOf(localMs: number): WallTime {
  const date = new Date(localMs);
  const year = date.getUTCFullYear();
  const yearStart = new Date(0);
  yearStart.setUTCFullYear(year, 0, 1);
  return {
    year,
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    weekday: date.getUTCDay(),
    dayOfYear: Math.floor((localMs - yearStart.getTime()) / 86_400_000),
  };
}
