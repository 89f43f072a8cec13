import { globalRegistry } from 'ocilot/testing';

/** One registry for the whole run, with what many tests read and none changes. */
export default globalRegistry({ seed: { 'team/base': { stable: { files: { '/etc/motd': 'hello' } } } } });
