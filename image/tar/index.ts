export { BLOCK, type TarHeader, type TarType } from './header.js';
export { encodeHeader } from './encode.js';
export { readTar, type ReadTarOptions, type TarMember } from './read.js';
export { TAR_END_SIZE, writeTar, type TarEntry } from './write.js';
