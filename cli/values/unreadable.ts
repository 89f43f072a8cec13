import { systemCode } from '../exit.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not read it',
};

/** Why a file could not be read, in words. */
export const whyUnreadable = (cause: unknown): string =>
  REASONS[systemCode(cause) ?? ''] ?? (cause as Error).message;
