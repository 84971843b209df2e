//! The crate `kryoptic-lib` as a PKCS#11 module: a token for the tests that shares no code with SoftHSM's.

use kryoptic_lib::fns::general::fn_get_function_list;
use kryoptic_lib::pkcs11::{CK_FUNCTION_LIST_PTR_PTR, CK_RV};

/// What an application looks up in a module (OASIS PKCS#11 v3.1, §5.4.4).
#[unsafe(no_mangle)]
pub extern "C" fn C_GetFunctionList(list: CK_FUNCTION_LIST_PTR_PTR) -> CK_RV {
    fn_get_function_list(list)
}
