/* Kernels of some hundred nanoseconds, each a function of its own with loops and branches. */
#include <Python.h>

#define SIZE 64
#define KERNEL static __attribute__((noinline)) unsigned

KERNEL sorted(unsigned seed) {
    unsigned values[SIZE / 2];
    for (int i = 0; i < SIZE / 2; i++) values[i] = seed = seed * 1664525u + 1013904223u;
    for (int i = 1; i < SIZE / 2; i++) {
        unsigned value = values[i];
        int place = i;
        for (; place > 0 && values[place - 1] > value; place--) values[place] = values[place - 1];
        values[place] = value;
    }
    return values[SIZE / 4];
}

KERNEL hashed(unsigned seed) {
    unsigned hash = 2166136261u;
    for (int i = 0; i < 4 * SIZE; i++) hash = (hash ^ ((seed >> (i % 25)) & 255u)) * 16777619u;
    return hash;
}

KERNEL parsed(unsigned seed) {
    char text[SIZE];
    for (int i = 0; i < SIZE; i++) text[i] = (char)('0' + (seed >> (i % 29)) % 12);
    unsigned sum = 0, number = 0;
    for (int i = 0; i < SIZE; i++) {
        if (text[i] <= '9') number = number * 10 + (unsigned)(text[i] - '0');
        else { sum += number; number = 0; }
    }
    return sum + number;
}

KERNEL walked(unsigned seed) {
    unsigned steps = 0;
    for (unsigned start = 1; start < 8; start++)
        for (unsigned at = start + seed % 7; at > 1 && steps < 400; steps++)
            at = at % 2 ? 3 * at + 1 : at / 2;
    return steps;
}

#define CALLED(name)                                                                     \
    static PyObject *py_##name(PyObject *self, PyObject *seed) {                           \
        unsigned long given = PyLong_AsUnsignedLong(seed);                                 \
        if (given == (unsigned long)-1 && PyErr_Occurred()) return NULL;                   \
        return PyLong_FromUnsignedLong(name((unsigned)given));                             \
    }

CALLED(sorted)
CALLED(hashed)
CALLED(parsed)
CALLED(walked)

static PyMethodDef methods[] = {
    {"sorted", py_sorted, METH_O, "Return the median of numbers."},
    {"hashed", py_hashed, METH_O, "Return a hash."},
    {"parsed", py_parsed, METH_O, "Return the sum of the numbers in a text."},
    {"walked", py_walked, METH_O, "Return the steps of some walks."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "kernels", NULL, -1, methods};

PyMODINIT_FUNC PyInit_kernels(void) { return PyModule_Create(&module); }
