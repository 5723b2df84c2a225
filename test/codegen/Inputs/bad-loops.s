# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Loops that the disassembly gate must refuse, one fault each, and one that it accepts.

good:
	vbroadcastss	(%rdi), %ymm8
	vfmadd231ps	(%rsi), %ymm8, %ymm0
	vfmadd231ps	32(%rsi), %ymm8, %ymm1
	vfmadd231ps	64(%rsi), %ymm8, %ymm2
	addq	$4, %rdi
	cmpq	%rdi, %rdx
	jne	good
	ret

# The accumulator is another register after each multiplication.
rotating:
	vbroadcastss	(%rdi), %ymm1
	vfmadd213ps	%ymm0, %ymm8, %ymm1
	vbroadcastss	4(%rdi), %ymm0
	vfmadd213ps	%ymm1, %ymm9, %ymm0
	vmovups	(%rsi), %ymm9
	addq	$8, %rdi
	cmpq	%rdi, %rdx
	jne	rotating
	ret

spilled:
	vbroadcastss	(%rdi), %ymm8
	vfmadd231ps	(%rsi), %ymm8, %ymm0
	vfmadd231ps	32(%rsi), %ymm8, %ymm1
	movq	8(%rsp), %rcx
	addq	$4, %rdi
	cmpq	%rdi, %rdx
	jne	spilled
	ret

# The spill is in a block that was moved behind the function.
moved:
	vbroadcastss	(%rdi), %ymm8
	vfmadd231ps	(%rsi), %ymm8, %ymm0
	vfmadd231ps	32(%rsi), %ymm8, %ymm1
	testq	%rcx, %rcx
	je	2f
1:	addq	$4, %rdi
	cmpq	%rdi, %rdx
	jne	moved
	ret
2:	vmovups	%ymm2, 32(%rsp)
	jmp	1b

# No full vector anywhere.
half:
	vbroadcastss	(%rdi), %zmm8
	vfmadd231ps	(%rsi), %zmm8, %zmm0
	vfmadd231ps	64(%rsi), %ymm8, %ymm1
	vfmadd231ps	96(%rsi), %xmm8, %xmm2
	addq	$4, %rdi
	cmpq	%rdi, %rdx
	jne	half
	ret

# An epilogue: a polynomial of what was loaded, no sum of products.
polynomial:
	vmovups	(%rdi), %ymm0
	vaddps	%ymm0, %ymm0, %ymm0
	vbroadcastss	(%rsi), %ymm1
	vfmadd213ps	%ymm5, %ymm0, %ymm1
	vfmadd213ps	%ymm6, %ymm0, %ymm1
	vfmadd213ps	%ymm7, %ymm0, %ymm1
	vmovups	%ymm1, (%rdi)
	addq	$32, %rdi
	cmpq	%rdi, %rdx
	jne	polynomial
	ret
