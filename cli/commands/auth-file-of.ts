import { dockerConfigPath } from '../../client/credentials/docker-config-path.js';
import type { Context } from '../context.js';

/** The file that `login` and `logout` write: `--authfile`, else Docker's own. */
export function authFileOf(flags: { readonly authfile?: string }, { env }: Context): string {
  return (
    flags.authfile ?? dockerConfigPath({ environment: env, ...(env['HOME'] ? { home: env['HOME'] } : {}) })
  );
}
