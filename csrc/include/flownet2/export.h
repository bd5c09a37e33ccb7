/* SPDX-License-Identifier: Apache-2.0
 * FLOWNET2_API marks what the shared library exports; all else in it is hidden. */
#ifndef FLOWNET2_EXPORT_H
#define FLOWNET2_EXPORT_H

#if defined(_WIN32) && defined(FLOWNET2_SHARED)
#if defined(FLOWNET2_BUILDING)
#define FLOWNET2_API __declspec(dllexport)
#else
#define FLOWNET2_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define FLOWNET2_API __attribute__((visibility("default")))
#else
#define FLOWNET2_API
#endif

#endif
