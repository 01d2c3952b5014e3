/** No zeros in fresh workgroup memory, as in Node (DIRTY_MEMORY): stricter, and far quicker to compile on SwiftShader. */
export const ROUGH = "--enable-dawn-features=disable_workgroup_init";
