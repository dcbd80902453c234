package ohce_test

// kernelTellsRefusal: Go keeps Windows from failing reads for an ICMP "port unreachable".
const kernelTellsRefusal = false
