/** Where the registry's own endpoints begin. */
export const ADMIN_PREFIX = '/_ocilot/';
