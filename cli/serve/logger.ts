import { pino, stdSerializers, stdTimeFunctions, type Logger } from 'pino';
import type { RequestEntry } from '../../registry/index.js';
import type { Context } from '../context.js';
import { redact } from '../redact.js';
import { formatRecord, type LogRecord } from './text-log.js';

export type { Logger };

/** How to log. */
export interface LogOptions {
  readonly level: string;
  readonly format: 'auto' | 'json' | 'text';
}

/** Structured lines on standard error, for machines or for people, without credentials. */
export function createLogger(
  { level, format }: LogOptions,
  { err, env }: Pick<Context, 'err' | 'env'>,
): Logger {
  const asText = format === 'text' || (format === 'auto' && err.isTerminal);
  const colours = err.isTerminal && (env['NO_COLOR'] ?? '') === '';
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.err },
      hooks: { streamWrite: redact },
    },
    {
      write: (line: string) =>
        err.write(asText ? formatRecord(JSON.parse(line) as LogRecord, colours) : line),
    },
  );
}

/** Requests that come all day long from machines that look after this one. */
const ROUTINE = new Set(['livez', 'readyz', 'metrics']);

/** One line for a request that was answered. */
export function logRequest(log: Logger, entry: RequestEntry): void {
  const { duration, ...facts } = entry;
  const fields = { ...facts, duration: Math.round(duration * 10) / 10 };
  if (entry.status >= 500) log.error(fields, 'request');
  else if (ROUTINE.has(entry.operation)) log.debug(fields, 'request');
  else log.info(fields, 'request');
}
