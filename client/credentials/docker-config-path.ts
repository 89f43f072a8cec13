import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the machine keeps credentials. */
export interface Places {
  /** Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Default the home folder of this user. */
  readonly home?: string;
}

/** Docker's own file: the one `login` writes by default. */
export function dockerConfigPath({ environment = process.env, home = homedir() }: Places = {}): string {
  return join(environment.DOCKER_CONFIG || join(home, '.docker'), 'config.json');
}
