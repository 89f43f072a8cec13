export { BLOCK, paddingOf, type TarHeader, type TarType } from './header.js';
export { encodeHeader } from './encode.js';
export { nextHeader, readTar, type HeaderReader, type ReadTarOptions, type TarMember } from './read.js';
export { TAR_END_SIZE, writeEntry, writeTar, type TarEntry } from './write.js';
