import { readFileSync } from 'node:fs';

/** Set by the build. */
declare const OCILOT_VERSION: string | undefined;

/** The version of this package: from the build, or from package.json when run from sources. */
export const VERSION: string = typeof OCILOT_VERSION === 'string' ? OCILOT_VERSION : readVersion();

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
