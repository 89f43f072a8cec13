import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { OciError } from '../oci/index.js';

type Env = Readonly<Record<string, string | undefined>>;

/** Where content is kept when nobody says otherwise: `$XDG_DATA_HOME/ocilot`. */
export function defaultDataFolder(env: Env): string {
  const home = env['XDG_DATA_HOME'];
  // The XDG specification: a relative path is no path.
  if (home !== undefined && home.startsWith('/')) return join(home, 'ocilot');
  const local = env['LOCALAPPDATA'];
  if (process.platform === 'win32' && local !== undefined) return join(local, 'ocilot');
  return join(homedir(), '.local', 'share', 'ocilot');
}

/**
 * The folder that a command for existing data works on: `--data`, else `OCILOT_DATA`, else the default.
 * @throws OciError `INVALID_OPTION` when it is no data folder
 */
export function existingDataFolder(flag: string | undefined, env: Env): string {
  const folder = resolve(flag ?? (env['OCILOT_DATA'] || defaultDataFolder(env)));
  if (!existsSync(join(folder, 'db'))) {
    throw new OciError('INVALID_OPTION', `${folder} is no data folder of a registry: name one with --data`);
  }
  return folder;
}
