export { createRegistry, type Registry } from './registry.js';
export { listen, type ListenOptions, type Server } from './node.js';
export type { ImmutableTags, RegistryOptions, RequestEntry } from './options.js';
export { OPEN_ACCESS, type Access, type Action, type Grant, type Principal } from './access/access.js';
export type { StorageOptions } from './storage/open.js';
export type { CollectOptions, CollectReport } from './storage/collect.js';
export { OciError, isOciError, type ErrorCode } from '../oci/index.js';
