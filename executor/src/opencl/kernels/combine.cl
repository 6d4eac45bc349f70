// Arithmetic of two operands. The codes are those of `arithmetic` in opencl/operators/elementwise.rs.
V combine(V x, V y, int operation) {
  switch (operation) {
    case 0: return x + y;
    case 1: return x - y;
    case 2: return x * y;
    case 3: return x / y;
    case 4: return pow(x, y);
    case 5: return fmin(x, y);
    default: return fmax(x, y);
  }
}

