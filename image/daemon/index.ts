export { createDaemonSink, openDaemonImage, type DaemonOptions } from './daemon.js';
export { daemonAddress, type DaemonAddress } from './address.js';
