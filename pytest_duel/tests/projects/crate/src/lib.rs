use pyo3_ffi::*;
use std::hint::black_box;
use std::ptr::null_mut;

const ROUNDS: u64 = 20_000;

fn worked(rounds: u64) -> u64 {
    (0..rounds).fold(0, |done, _| black_box(done + 1))
}

unsafe extern "C" fn busy(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    unsafe { PyLong_FromUnsignedLongLong(worked(ROUNDS)) }
}

unsafe extern "C" fn quick(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    unsafe { PyLong_FromUnsignedLongLong(worked(2_000)) }
}

const fn method(name: &'static std::ffi::CStr, meth: PyCFunction) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: meth },
        ml_flags: METH_NOARGS,
        ml_doc: null_mut(),
    }
}

static mut METHODS: [PyMethodDef; 3] = [
    method(c"busy", busy),
    method(c"quick", quick),
    PyMethodDef::zeroed(),
];

static mut MODULE: PyModuleDef = PyModuleDef {
    m_base: PyModuleDef_HEAD_INIT,
    m_name: c"toy".as_ptr(),
    m_doc: null_mut(),
    m_size: 0,
    m_methods: (&raw mut METHODS).cast(),
    m_slots: null_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit_toy() -> *mut PyObject {
    unsafe { PyModule_Create(&raw mut MODULE) }
}
