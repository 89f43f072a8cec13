export {
  EMPTY_INVENTORY,
  encodeInventory,
  mergeInventories,
  parseInventory,
  readInventory,
  writeInventory,
  type Inventory,
} from './format.js';
export { expandInventory, inventoryOf, type InventoryOptions, type InventoryPlace } from './take.js';
export { withInventory } from './with-inventory.js';
